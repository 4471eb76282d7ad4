import { Injectable } from '@nestjs/common';
import { type Page, pageOf, type PageRequest } from '../core/index.js';
import { VehiclesService } from '../vehicles/index.js';
import { type Image, type ImageView, toImageView } from './image.js';
import { ImagesRepository } from './images.repository.js';

/** What is known of the pictures that are kept. */
@Injectable()
export class ImagesService {
  constructor(
    private readonly images: ImagesRepository,
    private readonly vehicles: VehiclesService,
  ) {}

  /** @throws images/not-found */
  get(id: string): Promise<Image> {
    return this.images.getById(id);
  }

  /** Newest first; of archived vehicles too. @throws vehicles/not-found */
  async list(vehicleId: string, page: PageRequest): Promise<Page<ImageView>> {
    const vehicle = await this.vehicles.getIncludingArchived(vehicleId);
    const found = await this.images.list(vehicle.id, page.afterId, page.limit + 1);
    return pageOf(found.map(toImageView), page.limit);
  }
}

import { Injectable } from '@nestjs/common';
import { type Page, pageOf, type PageRequest } from '../core/index.js';
import { VehiclesService } from '../vehicles/index.js';
import { type Image, type ImageView, toImageView } from './image.js';
import { ImagesRepository } from './images.repository.js';
import { firstImageIdAt } from './volume/volume-layout.js';

/** Reads the records of images. */
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

  /**
   * Pages of all images whose upload began at `fromMs` or later, oldest first. An image is listed once its upload has
   * finished.
   * @param fromMs epoch milliseconds; compared with a resolution of one second
   */
  async *pagesSince(fromMs: number, pageSize: number): AsyncGenerator<readonly Image[], void, undefined> {
    for (let afterId = firstImageIdAt(fromMs); ;) {
      const page = await this.images.listAfter(afterId, pageSize);
      const last = page.at(-1);
      if (!last) return;
      yield page;
      afterId = last.id;
    }
  }
}

import { Injectable } from '@nestjs/common';
import { Cache } from '../cache/index.js';
import { type JsonOf, type Page, pageOf, type PageRequest } from '../core/index.js';
import { VehiclesService } from '../vehicles/index.js';
import { type Image, type ImageView, toImageView } from './image.js';
import { ImagesRepository } from './images.repository.js';
import { firstImageIdAt, isImageId } from './volume/volume-layout.js';

const CACHE_TTL_MS = 30_000;

/** Reads the records of images. */
@Injectable()
export class ImagesService {
  private readonly byId;

  constructor(
    private readonly images: ImagesRepository,
    private readonly vehicles: VehiclesService,
    cache: Cache,
  ) {
    this.byId = cache.define<Image>({
      name: 'images',
      ttlMs: CACHE_TTL_MS,
      tier: 'shared',
      fromJson: ({ createdAt, ...rest }: JsonOf<Image>) => ({ ...rest, createdAt: new Date(createdAt) }),
    });
  }

  /** @throws images/not-found */
  get(id: string): Promise<Image> {
    const load = (): Promise<Image> => this.images.getById(id);
    return isImageId(id) ? this.byId.get(id, load) : load();
  }

  /** Called when an image was deleted. Never rejects. */
  forget(id: string): Promise<void> {
    return this.byId.forget(id);
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

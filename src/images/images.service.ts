import { Injectable, Logger } from '@nestjs/common';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory, THUMBNAIL_WIDTHS, thumbnailPath } from '../image-files/index.js';
import { Clock, type Page, pageOf, type PageRequest } from '../common/index.js';
import { VehiclesService } from '../vehicles/index.js';
import { asVolumeError, imageNotFound } from './image.errors.js';
import { ImageVolume } from './image-volume.js';
import { type Image, type ImageView, toImageView } from './image.js';
import { ImagesRepository } from './images.repository.js';
import { VehicleQuota } from './vehicle-quota.js';

/** What is kept, read and deleted. */
@Injectable()
export class ImagesService {
  private readonly logger = new Logger(ImagesService.name);

  constructor(
    private readonly images: ImagesRepository,
    private readonly vehicles: VehiclesService,
    private readonly volume: ImageVolume,
    private readonly quota: VehicleQuota,
    private readonly clock: Clock,
  ) {}

  /** @throws images/not-found */
  get(id: string): Promise<Image> {
    return this.images.getById(id);
  }

  /** Newest first; of archived vehicles too. @throws vehicles/not-found */
  async list(vehicleId: string, page: PageRequest): Promise<Page<ImageView>> {
    const vehicle = await this.vehicles.getEvenArchived(vehicleId);
    const found = await this.images.list(vehicle.id, page.afterId, page.limit + 1);
    return pageOf(found.map(toImageView), page.limit);
  }

  /**
   * For good, record and file. From the first step on nobody finds it; when the last ones fail, the sweep does them.
   * @throws images/not-found, images/volume-unavailable
   */
  async delete(id: string, by: string): Promise<void> {
    const image = await this.images.getById(id);
    // Asked first: while the volume is away nothing may be begun.
    void this.volume.directoryForDeleting;
    if (!(await this.images.beginDelete(id, new Date(this.clock.nowMs())))) throw imageNotFound();
    this.logger.log({ id, by, path: image.path, sha256: image.sha256 }, 'picture deleted');
    await this.finishDelete(image);
  }

  /** @throws images/volume-unavailable */
  async finishDelete(image: Image): Promise<void> {
    const directory = this.volume.directoryForDeleting;
    const path = join(directory, image.path);
    try {
      for (const width of THUMBNAIL_WIDTHS)
        await rm(join(directory, thumbnailPath(image.id, width)), { force: true });
      await rm(path, { force: true });
      await syncDirectory(dirname(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw asVolumeError(error);
    }
    await this.images.finishDelete(image.id);
    if (image.vehicleId !== null) this.quota.add(image.vehicleId, -image.sizeBytes);
  }
}

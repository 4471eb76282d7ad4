import { Injectable } from '@nestjs/common';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AuditLog } from '../auth/index.js';
import { Clock } from '../core/index.js';
import { asVolumeError, imageNotFound } from './image.errors.js';
import type { Image } from './image.js';
import { ImagesRepository } from './images.repository.js';
import { ImagesService } from './images.service.js';
import { ImageTotalsService } from './totals/image-totals.service.js';
import { syncDirectory } from './volume/durable-files.js';
import { ImageVolume } from './volume/image-volume.js';
import { THUMBNAIL_WIDTHS, thumbnailPath } from './volume/volume-layout.js';

/** Deletes images permanently: record, file and thumbnails. */
@Injectable()
export class ImageDeletionService {
  constructor(
    private readonly images: ImagesRepository,
    private readonly records: ImagesService,
    private readonly volume: ImageVolume,
    private readonly totals: ImageTotalsService,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Marks the record first, so that the image is invisible at once. `IncomingSweep` finishes a deletion that fails
   * after that.
   * @throws images/not-found, images/volume-unavailable
   */
  async remove(id: string): Promise<void> {
    const image = await this.images.getById(id);
    // Throws before anything is changed when the volume is unavailable.
    void this.volume.directoryForDeleting;
    const { path, sha256, vehicleId } = image;
    const act = {
      action: 'image.deleted',
      target: { kind: 'image', id, email: null },
      details: { path, sha256, ...(vehicleId !== null && { vehicleId }) },
    } as const;
    await this.audit.recordAndRun([act], async () => {
      const isBegun = await this.images
        .beginDelete(id, new Date(this.clock.nowMs()))
        .finally(() => this.records.forget(id));
      if (!isBegun) throw imageNotFound();
    });
    await this.finish(image);
  }

  /** Removes the files, then the record. It may be repeated. @throws images/volume-unavailable */
  async finish(image: Image): Promise<void> {
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
    if (await this.images.finishDelete(image.id)) this.totals.removed([image]);
  }
}

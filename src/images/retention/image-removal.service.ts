import { Injectable } from '@nestjs/common';
import { rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Clock } from '../../core/index.js';
import { asVolumeError } from '../image.errors.js';
import type { Image } from '../image.js';
import { ImageCatalogRepository } from '../image-catalog.repository.js';
import { ImagesRepository } from '../images.repository.js';
import { ImagesService } from '../images.service.js';
import { ImageTotalsService } from '../totals/image-totals.service.js';
import { ImageVolume } from '../volume/image-volume.js';
import { THUMBNAIL_WIDTHS, thumbnailPath } from '../volume/volume-layout.js';
import { ImageReferences } from './image-references.js';

/** The old server's layout has a directory for each minute and each day. */
const DIRECTORY_LEVELS = 2;

/** Deletes many images in one step: references from outside, files, thumbnails, empty directories, records. */
@Injectable()
export class ImageRemovalService {
  constructor(
    private readonly images: ImagesRepository,
    private readonly catalog: ImageCatalogRepository,
    private readonly records: ImagesService,
    private readonly references: ImageReferences,
    private readonly volume: ImageVolume,
    private readonly totals: ImageTotalsService,
    private readonly clock: Clock,
  ) {}

  /**
   * After a kill in the middle, references may be gone while the image exists; `IncomingSweep` finishes what was marked.
   * @throws images/volume-unavailable, storage/unavailable
   */
  async remove(images: readonly Image[]): Promise<void> {
    const directory = this.volume.directoryForDeleting;
    const ids = images.map(({ id }) => id);
    await this.references.removeOf(
      images,
      async (paths) => new Set((await this.catalog.findByPaths(paths)).keys()),
    );
    await this.images.beginDeletes(ids, new Date(this.clock.nowMs()));
    await Promise.all(ids.map((id) => this.records.forget(id)));
    for (const { id, path } of images) {
      await removeFile(join(directory, path));
      for (const width of THUMBNAIL_WIDTHS) await removeFile(join(directory, thumbnailPath(id, width)));
    }
    const folders = new Set(images.map(({ path }) => dirname(path)));
    for (const folder of folders) await removeEmpty(directory, folder);
    if ((await this.images.finishDeletes(ids)) === images.length) this.totals.removed(images);
    // Another process has deleted some of them: the totals of those days are counted again.
    else await this.totals.recount(images);
  }
}

async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw asVolumeError(error);
  });
}

/** @param folder below the volume, with `/` */
async function removeEmpty(volume: string, folder: string): Promise<void> {
  let each = folder;
  // The folder of a box stays.
  for (let level = 0; level < DIRECTORY_LEVELS && each.includes('/'); level += 1, each = dirname(each)) {
    try {
      await rmdir(join(volume, each));
    } catch {
      // It holds other files, or it is gone.
      return;
    }
  }
}

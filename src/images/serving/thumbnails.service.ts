import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { INCOMING_DIRECTORY, thumbnailPath, type ThumbnailWidth } from '../volume/volume-layout.js';
import { DecoderService } from '../decoder/decoder.service.js';
import { type OpenFile, openInVolume } from '../volume/open-in-volume.js';
import { asVolumeError, imageNotFound, noThumbnail } from '../image.errors.js';
import { ImageVolume } from '../volume/image-volume.js';
import type { Image } from '../image.js';
import { partFileName } from '../upload/incoming-files.js';

/** The old server took files of any size; one beyond this is no picture that a thumbnail is needed of. */
const MAX_SOURCE_BYTES = 60_000_000;

/** Small versions, made when they are first asked for and then kept. */
@Injectable()
export class ThumbnailsService {
  private readonly making = new Map<string, Promise<void>>();

  constructor(
    private readonly volume: ImageVolume,
    private readonly decoder: DecoderService,
  ) {}

  /**
   * @returns the open file and its place below the volume
   * @throws images/no-thumbnail, images/damaged, images/busy, images/volume-full, images/volume-unavailable
   */
  async open(image: Image, width: ThumbnailWidth): Promise<{ file: OpenFile; path: string }> {
    const path = thumbnailPath(image.id, width);
    const made = await openInVolume(this.volume.directory, path);
    if (made) return { file: made, path };
    await this.makeOnce(image, path, width);
    const file = await openInVolume(this.volume.directory, path);
    if (!file) throw imageNotFound();
    return { file, path };
  }

  private async makeOnce(image: Image, path: string, width: ThumbnailWidth): Promise<void> {
    const underWay = this.making.get(path);
    if (underWay) return underWay;
    const work = this.make(image, path, width).finally(() => this.making.delete(path));
    this.making.set(path, work);
    await work;
  }

  private async make(image: Image, path: string, width: ThumbnailWidth): Promise<void> {
    if (image.sizeBytes > MAX_SOURCE_BYTES) throw noThumbnail();
    const directory = this.volume.directoryForNewFiles;
    const source = await openInVolume(directory, image.path);
    if (!source) throw imageNotFound();
    await source.handle.close();
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true }).catch((error: unknown) => {
      throw asVolumeError(error);
    });
    const temporary = join(
      directory,
      INCOMING_DIRECTORY,
      partFileName(`${image.id}-${randomBytes(4).toString('hex')}`),
    );
    const { contentType } = image;
    const job = { path: join(directory, image.path), contentType, target, temporary, width };
    await this.decoder.makeThumbnail(job);
  }
}

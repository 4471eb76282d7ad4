import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DecoderService } from '../decoder/decoder.service.js';
import { asVolumeError, imageNotFound, noThumbnail } from '../image.errors.js';
import type { Image } from '../image.js';
import { ImageVolume } from '../volume/image-volume.js';
import { type OpenFile, openInVolume } from '../volume/open-in-volume.js';
import {
  INCOMING_DIRECTORY,
  partFileName,
  thumbnailPath,
  type ThumbnailWidth,
} from '../volume/volume-layout.js';

/** The old server accepted files of any size. A larger one is not decoded. */
const MAX_SOURCE_BYTES = 60_000_000;

/** Thumbnails: made on the first request and then kept in the volume. */
@Injectable()
export class ThumbnailsService {
  private readonly making = new Map<string, Promise<void>>();

  constructor(
    private readonly volume: ImageVolume,
    private readonly decoder: DecoderService,
  ) {}

  /**
   * @param account of the caller: its thumbnails wait for the decoder in one queue
   * @returns the open file and its path below the volume
   * @throws images/no-thumbnail, images/damaged, images/busy, images/volume-full, images/volume-unavailable
   */
  async open(
    image: Image,
    width: ThumbnailWidth,
    account: string,
  ): Promise<{ file: OpenFile; path: string }> {
    const path = thumbnailPath(image.id, width);
    const made = await openInVolume(this.volume.directory, path);
    if (made) return { file: made, path };
    await this.makeOnce(image, path, width, account);
    const file = await openInVolume(this.volume.directory, path);
    if (!file) throw imageNotFound();
    return { file, path };
  }

  /** Concurrent requests for one thumbnail share the work. */
  private async makeOnce(image: Image, path: string, width: ThumbnailWidth, account: string): Promise<void> {
    const underWay = this.making.get(path);
    if (underWay) return underWay;
    const work = this.make(image, path, width, account).finally(() => this.making.delete(path));
    this.making.set(path, work);
    await work;
  }

  private async make(image: Image, path: string, width: ThumbnailWidth, account: string): Promise<void> {
    if (image.sizeBytes > MAX_SOURCE_BYTES) throw noThumbnail();
    const directory = this.volume.directoryForNewFiles;
    const source = await openInVolume(directory, image.path);
    if (!source) throw imageNotFound();
    await source.handle.close();
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true }).catch((error: unknown) => {
      throw asVolumeError(error);
    });
    const partName = partFileName(`${image.id}-${randomBytes(4).toString('hex')}`);
    await this.decoder.makeThumbnail(account, {
      path: join(directory, image.path),
      contentType: image.contentType,
      target,
      temporary: join(directory, INCOMING_DIRECTORY, partName),
      width,
    });
  }
}

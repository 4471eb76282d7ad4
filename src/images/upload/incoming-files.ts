import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { SETTINGS, type Settings } from '../../config/index.js';
import { Clock } from '../../core/index.js';
import { readImageHeader, SIGNATURE_BYTES } from '../formats/image-header.js';
import { EXTENSIONS, type ImageType } from '../formats/image-type.js';
import { asVolumeError, imageTooLarge, notAnImage } from '../image.errors.js';
import { makeDurableDirectory, syncDirectory } from '../volume/durable-files.js';
import { ImageVolume } from '../volume/image-volume.js';
import {
  INCOMING_DIRECTORY,
  intentFileName,
  newImageId,
  partFileName,
  uploadPath,
} from '../volume/volume-layout.js';

/** A received file in the volume's incoming directory that has no final name and no record yet. */
export interface IncomingFile {
  readonly id: string;
  readonly createdAt: Date;
  readonly contentType: ImageType;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Absolute. */
  readonly path: string;
  readonly handle: FileHandle;
  /** The volume that contains it, absolute. */
  readonly directory: string;
}

/** A file under its final name. Its intent file exists until the record is written, so that the sweep can find it. */
export interface PlacedFile {
  /** Below the volume. */
  readonly path: string;
  readonly absolutePath: string;
  readonly intentPath: string;
}

/**
 * Writes uploads into the volume so that a kill at any byte leaves a complete image or none:
 * `receive` (part file) → `place` (flush, intent file, final name) → the caller writes the record → `commit` (intent
 * file removed). What a kill leaves behind is in one directory, where `IncomingSweep` finds it.
 */
@Injectable()
export class IncomingFiles {
  constructor(
    private readonly volume: ImageVolume,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  /** Maximum size of one file, bytes. */
  get maxBytes(): number {
    return this.settings.images.maxBytes;
  }

  /**
   * Writes and hashes `content` while it arrives; holds one chunk in memory.
   * @throws images/not-a-picture, images/too-large, images/volume-full, images/volume-unavailable
   */
  async receive(content: Readable): Promise<IncomingFile> {
    const directory = this.volume.directoryForNewFiles;
    const createdAt = new Date(this.clock.nowMs());
    const id = newImageId(createdAt);
    const path = join(directory, INCOMING_DIRECTORY, partFileName(id));
    // nginx runs as another user and must be able to read the file.
    const mode = this.settings.images.isAccelerated ? 0o644 : 0o640;
    const handle = await open(path, 'wx', mode).catch((error: unknown) => {
      throw asVolumeError(error);
    });
    try {
      const received = await write(handle, content, this.maxBytes);
      return { id, createdAt, path, handle, directory, ...received };
    } catch (error) {
      await this.discard({ path, handle });
      throw asVolumeError(error);
    }
  }

  /**
   * Gives the file its final name, durably: a path made of vehicle, time and id.
   * @throws images/volume-full, images/volume-unavailable
   */
  async place(file: IncomingFile, vehicleId: string): Promise<PlacedFile> {
    const { id, contentType, handle, directory } = file;
    const extension = EXTENSIONS[contentType];
    const intentPath = join(directory, INCOMING_DIRECTORY, intentFileName(id, vehicleId, extension));
    try {
      await handle.sync();
      await handle.close();
      const path = uploadPath(id, vehicleId, extension);
      const absolutePath = join(directory, path);
      await makeDurableDirectory(directory, dirname(absolutePath));
      await writeIntent(intentPath);
      await rename(file.path, absolutePath);
      await syncDirectory(dirname(absolutePath));
      return { path, absolutePath, intentPath };
    } catch (error) {
      throw asVolumeError(error);
    }
  }

  /** Call it after the record is durable. */
  async commit({ intentPath }: PlacedFile): Promise<void> {
    await rm(intentPath, { force: true });
  }

  /** Removes a placed file. Call it only when it is certain that no record was written. */
  async rollback({ absolutePath, intentPath }: PlacedFile): Promise<void> {
    await rm(absolutePath, { force: true });
    await rm(intentPath, { force: true });
  }

  /** Removes a received file. Does nothing to a placed one. */
  async discard({ path, handle }: Pick<IncomingFile, 'path' | 'handle'>): Promise<void> {
    await handle.close().catch(() => undefined);
    // After a failure the sweep removes it.
    await rm(path, { force: true }).catch(() => undefined);
  }
}

async function writeIntent(intentPath: string): Promise<void> {
  const intent = await open(intentPath, 'w', 0o640);
  await intent.close();
  await syncDirectory(dirname(intentPath));
}

async function write(
  handle: FileHandle,
  content: Readable,
  maxBytes: number,
): Promise<Pick<IncomingFile, 'contentType' | 'sizeBytes' | 'sha256'>> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let head = Buffer.alloc(0);
  let contentType: ImageType | null = null;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw imageTooLarge(maxBytes);
    if (contentType === null && head.length < SIGNATURE_BYTES) {
      head = Buffer.concat([head, chunk.subarray(0, SIGNATURE_BYTES)]);
      // Refused as early as possible, not after 15 MB over a radio link.
      if (head.length >= SIGNATURE_BYTES) contentType = typeOf(head);
    }
    hash.update(chunk);
    await handle.writeFile(chunk);
  }
  return { contentType: contentType ?? typeOf(head), sizeBytes, sha256: hash.digest('hex') };
}

function typeOf(head: Buffer): ImageType {
  const header = readImageHeader(head);
  if (!header) throw notAnImage();
  return header.contentType;
}

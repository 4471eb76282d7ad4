import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { SETTINGS, type Settings } from '../../config/index.js';
import { readImageHeader, SIGNATURE_BYTES } from '../formats/image-header.js';
import { EXTENSIONS, type ImageType } from '../formats/image-type.js';
import { asVolumeError, imagesBusy, imageTooLarge, notAnImage } from '../image.errors.js';
import { makeDurableDirectory, syncDirectory } from '../volume/durable-files.js';
import { ImageVolume } from '../volume/image-volume.js';
import {
  INCOMING_DIRECTORY,
  intentFileName,
  newImageId,
  partFileName,
  uploadPath,
} from '../volume/volume-layout.js';

/** Attempts to find a free name. A box has 10,000 names per second, so this many are never taken by chance. */
const MAX_PLACE_ATTEMPTS = 50;

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

/** Returns a path below the volume, with `/`, for a file with this extension. Called again while the path is taken. */
export type ChoosePath = (extension: string) => string;

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
  ) {}

  /** Maximum size of one file, bytes. */
  get maxBytes(): number {
    return this.settings.images.maxBytes;
  }

  /**
   * Writes and hashes `content` while it arrives; holds one chunk in memory.
   * @throws images/not-a-picture, images/too-large, images/volume-full, images/volume-unavailable
   */
  async receive(content: Readable, createdAt: Date): Promise<IncomingFile> {
    const directory = this.volume.directoryForNewFiles;
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
   * Gives the file its final name, durably.
   * @param choosePath default: a path made of vehicle, time and id
   * @throws images/volume-full, images/volume-unavailable, images/busy when every chosen path is taken
   */
  async place(file: IncomingFile, vehicleId: string, choosePath?: ChoosePath): Promise<PlacedFile> {
    const { id, contentType, handle, directory } = file;
    const extension = EXTENSIONS[contentType];
    const intentPath = join(directory, INCOMING_DIRECTORY, intentFileName(id, vehicleId, extension));
    try {
      await handle.sync();
      await handle.close();
      if (choosePath) return await placeUnderChosenPath(file, intentPath, () => choosePath(extension));
      const path = uploadPath(id, vehicleId, extension);
      const absolutePath = join(directory, path);
      await makeDurableDirectory(directory, dirname(absolutePath));
      await writeIntent(intentPath, '');
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

/**
 * For names that another program may have used: `link` fails when the name exists, where `rename` would replace the
 * file. The intent file contains the attempted path. The part file stays until placing succeeded, so that
 * the sweep can find out whether the name belongs to it.
 */
async function placeUnderChosenPath(
  { path: from, directory }: IncomingFile,
  intentPath: string,
  choose: () => string,
): Promise<PlacedFile> {
  for (let attempt = 0; attempt < MAX_PLACE_ATTEMPTS; attempt += 1) {
    const path = choose();
    const absolutePath = join(directory, path);
    await makeDurableDirectory(directory, dirname(absolutePath));
    await writeIntent(intentPath, path);
    try {
      await link(from, absolutePath);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    await syncDirectory(dirname(absolutePath));
    await rm(from);
    return { path, absolutePath, intentPath };
  }
  await rm(intentPath, { force: true });
  throw imagesBusy();
}

/** @param chosenPath below the volume; empty for the path made of vehicle, time and id */
async function writeIntent(intentPath: string, chosenPath: string): Promise<void> {
  const intent = await open(intentPath, 'w', 0o640);
  try {
    if (chosenPath !== '') {
      await intent.writeFile(chosenPath);
      await intent.sync();
    }
  } finally {
    await intent.close();
  }
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

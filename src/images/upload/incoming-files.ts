import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { EXTENSIONS, INCOMING_DIRECTORY, uploadPath } from '../volume/volume-layout.js';
import { newImageId } from '../image-id.js';
import { makeDurableDirectory, syncDirectory } from '../volume/durable-files.js';
import { pictureHeader, SIGNATURE_BYTES } from '../formats/picture-header.js';
import type { PictureType } from '../formats/picture-type.js';
import { Clock } from '../../core/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { asVolumeError, imagesBusy, imageTooLarge, notAPicture } from '../image.errors.js';
import { ImageVolume } from '../volume/image-volume.js';

/** Names that are tried for one file; with 10,000 to choose from, so many are never taken by chance. */
const MAX_PLACE_ATTEMPTS = 50;

/** What has arrived and is nobody's picture yet: in the volume, under a name that says what it is to become. */
export interface IncomingFile {
  readonly id: string;
  readonly createdAt: Date;
  readonly contentType: PictureType;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Absolute. */
  readonly path: string;
  readonly handle: FileHandle;
  /** Of the volume that it lies in. */
  readonly directory: string;
}

/** A place below the volume, with `/`, for a file with this extension; asked again for as long as it is taken. */
export type ChoosePath = (extension: string) => string;

/** A file that stands where it belongs; until it has its record, the note says where to look for it. */
export interface PlacedFile {
  /** Below the volume. */
  readonly path: string;
  readonly absolutePath: string;
  readonly intentPath: string;
}

/**
 * A picture's way into the volume, such that a kill at any byte leaves a whole one or none: written and flushed under a
 * temporary name, noted down, renamed; then the caller writes the record, and the note goes. What a kill leaves behind
 * is in one directory, where `IncomingSweep` finds it without walking through the pictures.
 */
@Injectable()
export class IncomingFiles {
  constructor(
    private readonly volume: ImageVolume,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  /** Of one file. */
  get maxBytes(): number {
    return this.settings.images.maxBytes;
  }

  /**
   * Everything of `content`, hashed on the way; memory for one chunk.
   * @throws images/not-a-picture, images/too-large, images/volume-full, images/volume-unavailable
   */
  async receive(content: Readable): Promise<IncomingFile> {
    const directory = this.volume.directoryForNewFiles;
    const createdAt = new Date(this.clock.nowMs());
    const id = newImageId(createdAt);
    const path = join(directory, INCOMING_DIRECTORY, partFileName(id));
    // nginx's workers are other users.
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

  /** Durable, and where it belongs. @throws images/volume-full, images/volume-unavailable */
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

  /** It has its record: nothing is left to be found. */
  async commit({ intentPath }: PlacedFile): Promise<void> {
    await rm(intentPath, { force: true });
  }

  /** It is certain that it gets no record. */
  async rollback({ absolutePath, intentPath }: PlacedFile): Promise<void> {
    await rm(absolutePath, { force: true });
    await rm(intentPath, { force: true });
  }

  async discard({ path, handle }: Pick<IncomingFile, 'path' | 'handle'>): Promise<void> {
    await handle.close().catch(() => undefined);
    // What cannot be removed now is removed by the sweep.
    await rm(path, { force: true }).catch(() => undefined);
  }
}

/** `<id>~<vehicle>.<extension>`: all that is needed to find the file again. */
export function intentFileName(id: string, vehicleId: string, extension: string): string {
  return `${id}~${vehicleId}.${extension}`;
}

export const INTENT_FILE_NAME = /^(?<id>[0-9a-f]{24})~(?<vehicleId>[0-9a-f]{24})\.(?<extension>[a-z]{3,4})$/;
/** Of what is being written: an upload, or a thumbnail, which has a number of its own behind the id. */
export const partFileName = (name: string): string => `${name}.part`;
export const PART_FILE_NAME = /^[0-9a-f]{24}(-[0-9a-f]{8})?\.part$/;

/**
 * Under a name that may be taken, by a file that is not ours: linked, because a rename would replace that one. The note
 * says which name was tried; whether it was got, the temporary name tells, which stays until then.
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
  // Nothing of it stands anywhere.
  await rm(intentPath, { force: true });
  throw imagesBusy();
}

async function writeIntent(path: string, place: string): Promise<void> {
  const note = await open(path, 'w', 0o640);
  try {
    if (place !== '') {
      await note.writeFile(place);
      await note.sync();
    }
  } finally {
    await note.close();
  }
  await syncDirectory(dirname(path));
}

async function write(
  handle: FileHandle,
  content: Readable,
  maxBytes: number,
): Promise<Pick<IncomingFile, 'contentType' | 'sizeBytes' | 'sha256'>> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let head = Buffer.alloc(0);
  let contentType: PictureType | null = null;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw imageTooLarge(maxBytes);
    if (contentType === null && head.length < SIGNATURE_BYTES) {
      head = Buffer.concat([head, chunk.subarray(0, SIGNATURE_BYTES)]);
      // Refused as soon as it can be told, not after 15 MB over a radio link.
      if (head.length >= SIGNATURE_BYTES) contentType = typeOf(head);
    }
    hash.update(chunk);
    await handle.writeFile(chunk);
  }
  return { contentType: contentType ?? typeOf(head), sizeBytes, sha256: hash.digest('hex') };
}

function typeOf(head: Buffer): PictureType {
  const header = pictureHeader(head);
  if (!header) throw notAPicture();
  return header.contentType;
}

import { Inject, Injectable } from '@nestjs/common';
import { mkdir, open, readFile, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DomainError } from '../../core/index.js';
import { examinePart, EXTENSIONS, makeDurableDirectory, syncDirectory } from '../../images/index.js';
import type { BoxPictures } from '../boxes/box-pictures.js';
import { legacyPicturePath } from '../boxes/legacy-picture-path.js';
import { ShadowPicturesRepository } from './shadow-pictures.repository.js';

/** Names of one second, as in the old server: 1000 to 9999. Nine for each millisecond. */
const FIRST_NUMBER = 1_000;
const NUMBERS_PER_MS = 9;
const RETRY_AFTER_MS = 5_000;

/**
 * The pictures of boxes that arrive while the old server writes the volume: in LEGACY_SHADOW_DIR, under paths of the old
 * server's form. The old server overwrites files of the volume by chance (four random digits), and directories of another user
 * would stop it.
 */
@Injectable()
export class ShadowPictures {
  constructor(
    private readonly requests: ShadowPicturesRepository,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /**
   * Resolves when every picture that can be stored is durable. A request that is written again is stored once.
   * @returns the paths in the order of the request; null for a part that is no picture
   * @throws images/volume-full, images/volume-unavailable, storage/unavailable
   */
  async write({ files, ...request }: BoxPictures): Promise<readonly (string | null)[]> {
    const { vehicleId, boxCode, receivedAt, fields, roleEpoch } = request;
    const { images, legacy } = this.settings;
    const parts = files.map(({ bytes, filename }, place) => {
      const examined = examinePart(bytes, images);
      if (typeof examined === 'string') return { filename, path: null, bytes: null };
      const number = numberOf(receivedAt, place);
      const extension = EXTENSIONS[examined.contentType];
      return {
        filename,
        path: legacyPicturePath(boxCode, receivedAt, legacy.timeZone, extension, number),
        bytes: examined.bytes,
      };
    });
    // The record first: every file has one, and retention finds it.
    await this.requests.add({
      ...{ vehicleId, boxCode, receivedAt, fields, ...(roleEpoch !== undefined && { roleEpoch }) },
      files: parts.map(({ filename, path }) => ({ filename, path })),
    });
    try {
      await this.assertRoom();
      for (const { path, bytes } of parts) if (bytes) await this.writeFile(path, bytes);
    } catch (error) {
      throw error instanceof DomainError ? error : unavailable(error);
    }
    return parts.map(({ path }) => path);
  }

  /** A request with the bytes of its pictures; null when it, or one of its files, is gone. @throws storage/unavailable */
  async find(vehicleId: string, receivedAt: Date): Promise<BoxPictures | null> {
    const found = await this.requests.find(vehicleId, receivedAt);
    if (!found) return null;
    const files = [];
    for (const { filename, path } of found.files) {
      const bytes = path === null ? Buffer.alloc(0) : await this.readFile(path);
      if (!bytes) return null;
      files.push({ filename, bytes });
    }
    return { ...found, files };
  }

  private async writeFile(path: string, bytes: Buffer): Promise<void> {
    const root = this.settings.legacy.shadowDirectory;
    const absolute = join(root, path);
    await makeDurableDirectory(root, dirname(absolute));
    const file = await open(absolute, 'w', 0o640);
    try {
      await file.writeFile(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    await syncDirectory(dirname(absolute));
  }

  private async readFile(path: string): Promise<Buffer | null> {
    try {
      return await readFile(join(this.settings.legacy.shadowDirectory, path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw unavailable(error);
    }
  }

  /** @throws images/volume-full */
  private async assertRoom(): Promise<void> {
    const { images, legacy } = this.settings;
    await mkdir(legacy.shadowDirectory, { recursive: true });
    const { bavail, blocks } = await statfs(legacy.shadowDirectory);
    if (bavail < (blocks * images.minFreePct) / 100)
      throw new DomainError('images/volume-full', 'LEGACY_SHADOW_DIR has too little free space.', {
        retryAfterMs: RETRY_AFTER_MS,
      });
  }
}

/** The same for a request that is written again, so that its files are the same. */
function numberOf(receivedAt: Date, place: number): number {
  const ms = receivedAt.getTime() % 1_000;
  return FIRST_NUMBER + ((ms * NUMBERS_PER_MS + place) % (1_000 * NUMBERS_PER_MS));
}

function unavailable(cause: unknown): DomainError {
  return new DomainError('images/volume-unavailable', 'LEGACY_SHADOW_DIR cannot be used; try again later.', {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

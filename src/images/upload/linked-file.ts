import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { imagesBusy } from '../image.errors.js';
import { makeDurableDirectory, syncDirectory } from '../volume/durable-files.js';
import { INCOMING_DIRECTORY, linkedFileName } from '../volume/volume-layout.js';

/** Attempts to find a free name. A box has 9,000 names per second, so this many are never taken by chance. */
const MAX_ATTEMPTS = 50;

// A file handle of fs/promises costs several times as much as a descriptor, and a box posts 40 kB every 700 ms.
const [open, write, fdatasync, close, link, rename, unlink] = [
  promisify(fs.open),
  promisify(fs.write),
  promisify(fs.fdatasync),
  promisify(fs.close),
  promisify(fs.link),
  promisify(fs.rename),
  promisify(fs.unlink),
];

/**
 * A small file that is written at once. Its name in the incoming directory contains its final path, so that
 * `IncomingSweep` finds the final name after a kill: `create` → `flush` → `place` (a second name, a link) →
 * `syncPlaced` → the caller writes the record → `release` (the first name is removed).
 */
export class LinkedFile {
  private descriptor: number | null = null;
  private isPlaced = false;

  private constructor(
    private readonly directory: string,
    private readonly id: string,
    private readonly choosePath: () => string,
    private finalPath: string,
  ) {}

  /** @param directory the volume @param choosePath gives another path each time */
  static async create(
    directory: string,
    id: string,
    bytes: Buffer,
    { mode, choosePath }: { readonly mode: number; readonly choosePath: () => string },
  ): Promise<LinkedFile> {
    const file = new LinkedFile(directory, id, choosePath, choosePath());
    file.descriptor = await open(file.incomingPath, 'wx', mode);
    try {
      for (let at = 0; at < bytes.length;)
        at += (await write(file.descriptor, bytes, at, bytes.length - at)).bytesWritten;
      return file;
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  /** Below the volume. */
  get path(): string {
    return this.finalPath;
  }

  get incomingPath(): string {
    return join(this.directory, INCOMING_DIRECTORY, linkedFileName(this.id, this.finalPath));
  }

  /** The content is durable when it resolves. */
  async flush(): Promise<void> {
    if (this.descriptor !== null) await fdatasync(this.descriptor);
    await this.close();
  }

  /** Gives the file its final name. A name that is taken stays as it is: another path is chosen. */
  async place(): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      try {
        await this.link();
        this.isPlaced = true;
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const before = this.incomingPath;
      this.finalPath = this.choosePath();
      await rename(before, this.incomingPath);
    }
    throw imagesBusy();
  }

  /** Call it after the record is durable. A name that stays is removed by the sweep. */
  async release(): Promise<void> {
    await unlink(this.incomingPath);
  }

  /** Removes the file. Call it only when it is certain that no record was written. After a failure the sweep removes it. */
  async discard(): Promise<void> {
    await this.close();
    // The final name first: without the other one the sweep would never find it.
    if (this.isPlaced) await unlink(this.absolutePath).catch(() => undefined);
    await unlink(this.incomingPath).catch(() => undefined);
  }

  private get absolutePath(): string {
    return join(this.directory, this.finalPath);
  }

  private async link(): Promise<void> {
    try {
      await link(this.incomingPath, this.absolutePath);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      // The first file of a minute.
      await makeDurableDirectory(this.directory, dirname(this.absolutePath));
      await link(this.incomingPath, this.absolutePath);
    }
  }

  private async close(): Promise<void> {
    if (this.descriptor === null) return;
    const descriptor = this.descriptor;
    this.descriptor = null;
    await close(descriptor);
  }
}

/** Makes the final names durable. */
export async function syncPlaced(directory: string, files: readonly LinkedFile[]): Promise<void> {
  const directories = new Set(files.map(({ path }) => dirname(join(directory, path))));
  await Promise.all([...directories].map(syncDirectory));
}

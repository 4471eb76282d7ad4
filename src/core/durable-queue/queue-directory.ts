import { randomBytes } from 'node:crypto';
import { access, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { syncNames } from './segment-file.js';

/** In each directory of a process; its time of change moves while the process lives. */
const ALIVE_FILE = 'alive';
const ADOPTED_PREFIX = 'adopted-';
/** Of the directory of a process. The root can have other ones. */
const NAME = /^[0-9a-z]{9,}-[0-9a-f]{8}$/;
/** A process that has not touched its file for this long, by the monotonic clock of the observer, has ended or stalls. */
const ABANDONED_AFTER_MS = 5_000;

/** Another process has taken the directory over: what was written there may not be durable. */
export class DirectoryLostError extends Error {}

/**
 * The directory of this process below a root that several processes share, also those of other containers. No process writes
 * into the directory of another one. It takes over the directory of a process that has ended, by renaming it: a stalled
 * process that continues afterwards notices it after its next flush (`assertOwned`), before it confirms anything.
 */
export class QueueDirectory {
  private touches = 0;

  private constructor(
    private readonly root: string,
    readonly name: string,
  ) {}

  /** Creates the root and, durably, an own directory in it. @throws the error of the file system */
  static async create(root: string): Promise<QueueDirectory> {
    await mkdir(root, { recursive: true });
    // Sorts by the time of the start.
    const name = `${Date.now().toString(36).padStart(9, '0')}-${randomBytes(4).toString('hex')}`;
    // Under its final name it is complete: without the file, another process would take it for an abandoned one.
    const unfinished = join(root, `.${name}`);
    await mkdir(unfinished);
    await (await open(join(unfinished, ALIVE_FILE), 'wx')).close();
    await rename(unfinished, join(root, name));
    await syncNames(root);
    return new QueueDirectory(root, name);
  }

  get path(): string {
    return join(this.root, this.name);
  }

  /** @throws DirectoryLostError, the error of the file system */
  async assertOwned(): Promise<void> {
    await access(this.aliveFile).catch(lostWhenMissing);
  }

  /** Shows the other processes that this one lives. @throws DirectoryLostError, the error of the file system */
  async touch(): Promise<void> {
    // A counter and not a time: a clock can stand still or jump.
    this.touches += 1;
    await utimes(this.aliveFile, this.touches, this.touches).catch(lostWhenMissing);
  }

  /**
   * Moves the directory of another process into this one.
   * @returns the paths of all directories in it that this process has taken over now, oldest first; empty when another
   *   process was faster
   */
  async adopt(name: string): Promise<string[]> {
    const adopted = join(this.path, `${ADOPTED_PREFIX}${name}`);
    try {
      await rename(join(this.root, name), adopted);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    const moved = await this.moveInner(adopted);
    await syncNames(this.path);
    await syncNames(this.root);
    return [...moved, adopted];
  }

  /**
   * Moves what an adopted directory has adopted beside it, at any depth: a kill between two renames leaves one inside another, and
   * it would be removed with the outer one.
   */
  private async moveInner(adopted: string): Promise<string[]> {
    const moved: string[] = [];
    for (const inner of (await readdir(adopted)).sort()) {
      if (!inner.startsWith(ADOPTED_PREFIX)) continue;
      const path = join(this.path, inner);
      await rename(join(adopted, inner), path);
      moved.push(...(await this.moveInner(path)), path);
    }
    return moved;
  }

  /** Lets another process take the directory over at once; without content it is removed. */
  async release(isEmpty: boolean): Promise<void> {
    await rm(this.aliveFile, { force: true });
    if (isEmpty) await rm(this.path, { recursive: true, force: true });
  }

  private get aliveFile(): string {
    return join(this.path, ALIVE_FILE);
  }
}

/** Finds the directories of processes that have ended. It compares no clocks: the file of a live process changes. */
export class AbandonedDirectories {
  private readonly seen = new Map<string, { readonly mtimeMs: number; readonly sinceMs: number }>();

  constructor(private readonly root: string) {}

  /**
   * Call it every second.
   * @returns names, oldest first
   */
  async find(own: string): Promise<string[]> {
    const entries = await readdir(this.root, { withFileTypes: true });
    const names = entries.filter((each) => each.isDirectory() && NAME.test(each.name));
    const found: string[] = [];
    for (const { name } of names) if (name !== own && (await this.isAbandoned(name))) found.push(name);
    for (const name of this.seen.keys())
      if (!names.some((each) => each.name === name)) this.seen.delete(name);
    return found.sort();
  }

  private async isAbandoned(name: string): Promise<boolean> {
    const alive = await stat(join(this.root, name, ALIVE_FILE)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (!alive) return true;
    const nowMs = performance.now();
    const before = this.seen.get(name);
    if (before?.mtimeMs !== alive.mtimeMs) this.seen.set(name, { mtimeMs: alive.mtimeMs, sinceMs: nowMs });
    return before?.mtimeMs === alive.mtimeMs && nowMs - before.sinceMs >= ABANDONED_AFTER_MS;
  }
}

function lostWhenMissing(error: NodeJS.ErrnoException): never {
  throw error.code === 'ENOENT' ? new DirectoryLostError('another process has taken the directory') : error;
}

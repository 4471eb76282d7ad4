import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../images/volume/index.js';
import { EntryWriter, type ManifestEntry, readEntries } from './entry-lines.js';
import { comparePaths } from './path-order.js';

/** Longer than any line of an entry. */
const TAIL_BYTES = 65_536;

/**
 * The entries of runs that did not finish, `<name>-<number>.jsonl` in a directory. Each run writes its own file in the
 * order of paths and takes over what it finds in the files of earlier runs, so that it reads no file twice.
 */
export class Checkpoints {
  constructor(
    private readonly directory: string,
    private readonly name: string,
    /** Entries of a run that ended longer ago are not used. */
    private readonly maxAgeMs = Infinity,
  ) {}

  /** Starts the file of this run. @returns the lists of the earlier runs, the newest first */
  async begin(): Promise<{
    readonly writer: EntryWriter;
    readonly earlier: AsyncGenerator<ManifestEntry, void, undefined>[];
  }> {
    await mkdir(this.directory, { recursive: true });
    const earlier = await this.usefulNumbers();
    const writer = await EntryWriter.create(this.pathOf((earlier[0] ?? 0) + 1));
    return { writer, earlier: earlier.map((number) => readEntries(this.pathOf(number))) };
  }

  /** Gives the file of this run its final name, durably, and removes those of earlier runs. */
  async finishAs(writer: EntryWriter, finalName: string): Promise<void> {
    await rename(writer.path, join(this.directory, finalName));
    await syncDirectory(this.directory);
    await this.remove();
  }

  async remove(): Promise<void> {
    for (const number of await this.numbers()) await rm(this.pathOf(number), { force: true });
  }

  /**
   * Newest first. Removes files that are too old, and files that add nothing: a newer run has the same entries as far as
   * it came. So their number stays small however often a run is killed.
   */
  private async usefulNumbers(): Promise<number[]> {
    const useful: number[] = [];
    let furthest = '';
    for (const number of (await this.numbers()).reverse()) {
      const path = this.pathOf(number);
      // The clock may have been set back or forward.
      const ageMs = Math.abs(Date.now() - (await stat(path)).mtimeMs);
      const last = ageMs > this.maxAgeMs ? null : await lastPathIn(path);
      if (last !== null && comparePaths(last, furthest) > 0) {
        useful.push(number);
        furthest = last;
      } else await rm(path);
    }
    return useful;
  }

  private pathOf(number: number): string {
    return join(this.directory, `${this.name}-${number}.jsonl`);
  }

  private async numbers(): Promise<number[]> {
    const prefix = `${this.name}-`;
    const names = await readdir(this.directory).catch(() => []);
    return names
      .filter((name) => name.startsWith(prefix) && /^\d+\.jsonl$/.test(name.slice(prefix.length)))
      .map((name) => Number.parseInt(name.slice(prefix.length), 10))
      .sort((one, other) => one - other);
  }
}

/** The path of the last complete entry; null when there is none. */
async function lastPathIn(path: string): Promise<string | null> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    const end = buffer.lastIndexOf(0x0a, bytesRead - 1);
    if (bytesRead === 0 || end < 0) return null;
    const line = buffer.toString('utf8', buffer.lastIndexOf(0x0a, end - 1) + 1, end);
    return (JSON.parse(line) as ManifestEntry).path;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  } finally {
    await file.close();
  }
}

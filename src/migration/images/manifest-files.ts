import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { syncDirectory } from '../../images/volume/index.js';

/** One file of a manifest. */
export interface ManifestEntry {
  /** Relative to the directory of the manifest, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Whole milliseconds since 1970. */
  readonly mtimeMs: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

export interface ManifestSummary {
  readonly version: 1;
  /** Absolute. */
  readonly directory: string;
  readonly files: number;
  readonly bytes: number;
  /** SHA-256 of the file `SHA256SUMS`: equal values mean equal files. */
  readonly rootSha256: string;
  /** ISO-8601 UTC. */
  readonly madeAt: string;
  /** The deployment id in the marker file of the volume; null without a marker file. */
  readonly deploymentId: string | null;
}

/** Readable by `sha256sum -c`. */
const SUMS_FILE = 'SHA256SUMS';
/** One ManifestEntry a line, as JSON. */
const ENTRIES_FILE = 'files.jsonl';
const SUMMARY_FILE = 'summary.json';
const CHECKPOINT = /^checkpoint-(\d+)\.jsonl$/;

/** One line in the format of coreutils: a name with a backslash or a line break is escaped, and the line starts with `\\`. */
export function sumsLine({ sha256, path }: Pick<ManifestEntry, 'sha256' | 'path'>): string {
  const escaped = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === path ? '' : '\\'}${sha256}  ${escaped}\n`;
}

/** Skips lines that are no entry: a kill can leave an incomplete last line. */
async function* readLines(path: string): AsyncGenerator<ManifestEntry, void, undefined> {
  const input = createReadStream(path, { highWaterMark: 65_536 });
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      const entry = entryOf(line);
      if (entry) yield entry;
    }
  } finally {
    input.destroy();
  }
}

function entryOf(line: string): ManifestEntry | null {
  try {
    const entry = JSON.parse(line) as Partial<ManifestEntry>;
    return typeof entry.path === 'string' && /^[0-9a-f]{64}$/.test(entry.sha256 ?? '')
      ? (entry as ManifestEntry)
      : null;
  } catch {
    return null;
  }
}

/** The files of one manifest, in their own directory. Each run that did not finish leaves one checkpoint file. */
export class ManifestFiles {
  constructor(readonly directory: string) {}

  /** @throws Error when there is no finished manifest, or it cannot be read */
  async summary(): Promise<ManifestSummary> {
    return JSON.parse(await readFile(join(this.directory, SUMMARY_FILE), 'utf8')) as ManifestSummary;
  }

  async exists(): Promise<boolean> {
    return this.summary().then(
      () => true,
      () => false,
    );
  }

  /** In the order of paths. */
  entries(): AsyncGenerator<ManifestEntry, void, undefined> {
    return readLines(join(this.directory, ENTRIES_FILE));
  }

  /** The entries of runs that did not finish, each in the order of paths, the newest run first. */
  async checkpoints(): Promise<AsyncGenerator<ManifestEntry, void, undefined>[]> {
    const numbers = await this.checkpointNumbers();
    return numbers.reverse().map((number) => readLines(this.checkpointPath(number)));
  }

  async begin(): Promise<ManifestWriter> {
    await mkdir(this.directory, { recursive: true });
    const number = Math.max(0, ...(await this.checkpointNumbers())) + 1;
    return ManifestWriter.open(this.checkpointPath(number));
  }

  /** Replaces the last manifest by the finished checkpoint. */
  async finish(
    writer: ManifestWriter,
    about: Pick<ManifestSummary, 'directory' | 'deploymentId'>,
  ): Promise<ManifestSummary> {
    await writer.close();
    const { files, bytes, rootSha256 } = await this.writeSums(writer.path);
    const summary: ManifestSummary = {
      version: 1,
      ...about,
      files,
      bytes,
      rootSha256,
      madeAt: new Date().toISOString(),
    };
    await this.replace(SUMMARY_FILE, `${JSON.stringify(summary, null, 2)}\n`);
    await rename(writer.path, join(this.directory, ENTRIES_FILE));
    await syncDirectory(this.directory);
    for (const number of await this.checkpointNumbers())
      await rm(this.checkpointPath(number), { force: true });
    return summary;
  }

  private async writeSums(
    entriesPath: string,
  ): Promise<Pick<ManifestSummary, 'files' | 'bytes' | 'rootSha256'>> {
    const temporary = join(this.directory, `${SUMS_FILE}.tmp`);
    const file = await open(temporary, 'w');
    const hash = createHash('sha256');
    let [files, bytes, pending] = [0, 0, ''];
    const flush = async (): Promise<void> => {
      hash.update(pending);
      await file.writeFile(pending);
      pending = '';
    };
    try {
      for await (const entry of readLines(entriesPath)) {
        files += 1;
        bytes += entry.sizeBytes;
        pending += sumsLine(entry);
        if (pending.length > 65_536) await flush();
      }
      await flush();
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(this.directory, SUMS_FILE));
    return { files, bytes, rootSha256: hash.digest('hex') };
  }

  private async replace(name: string, content: string): Promise<void> {
    const temporary = join(this.directory, `${name}.tmp`);
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(this.directory, name));
  }

  private checkpointPath(number: number): string {
    return join(this.directory, `checkpoint-${number}.jsonl`);
  }

  private async checkpointNumbers(): Promise<number[]> {
    const names = await readdir(this.directory).catch(() => []);
    const numbers = names.map((name) => Number(CHECKPOINT.exec(name)?.[1] ?? NaN));
    return numbers.filter((number) => !Number.isNaN(number)).sort((one, other) => one - other);
  }
}

const FLUSH_EVERY_ENTRIES = 200;
const SYNC_EVERY_MS = 1_000;

/** Writes a checkpoint. Lines are only appended; a line is durable after one second at most. */
class ManifestWriter {
  private pending = '';
  private count = 0;
  private syncedMs = performance.now();

  private constructor(
    readonly path: string,
    private readonly file: Awaited<ReturnType<typeof open>>,
  ) {}

  static async open(path: string): Promise<ManifestWriter> {
    return new ManifestWriter(path, await open(path, 'ax'));
  }

  async add({ path, sizeBytes, mtimeMs, sha256 }: ManifestEntry): Promise<void> {
    this.pending += `${JSON.stringify({ path, sizeBytes, mtimeMs, sha256 })}\n`;
    this.count += 1;
    if (this.count % FLUSH_EVERY_ENTRIES === 0 || performance.now() - this.syncedMs > SYNC_EVERY_MS)
      await this.flush();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.file.sync();
    await this.file.close();
  }

  private async flush(): Promise<void> {
    await this.file.writeFile(this.pending);
    this.pending = '';
    if (performance.now() - this.syncedMs < SYNC_EVERY_MS) return;
    await this.file.datasync();
    this.syncedMs = performance.now();
  }
}

/** The first entry that is defined; the lists are ordered from new to old. */
export function newestOf<T>(entries: readonly (T | undefined)[]): T | null {
  return entries.find((entry) => entry !== undefined) ?? null;
}

import { open } from 'node:fs/promises';

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

const CHUNK_BYTES = 65_536;
/** An entry is shorter: a path has 4,096 bytes at most, and JSON takes at most six for one. */
const MAX_LINE_BYTES = 32_768;
const LINE_FEED = 0x0a;

/**
 * Reads a file with one entry a line. Skips lines that are no entry: a kill can leave an incomplete last line.
 * @param isOptional a file that does not exist has no entries
 */
export async function* readEntries(
  path: string,
  isOptional = false,
): AsyncGenerator<ManifestEntry, void, undefined> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (isOptional && error.code === 'ENOENT') return null;
    throw error;
  });
  if (!file) return;
  const buffer = Buffer.allocUnsafe(MAX_LINE_BYTES + CHUNK_BYTES);
  try {
    for (let kept = 0; ;) {
      const { bytesRead } = await file.read(buffer, kept, CHUNK_BYTES);
      const end = kept + bytesRead;
      const linesEnd = bytesRead === 0 ? end : buffer.lastIndexOf(LINE_FEED, end - 1) + 1;
      // Not `readline`: it also splits at U+2028, which a name can contain.
      for (const line of buffer.toString('utf8', 0, linesEnd).split('\n')) {
        const entry = entryOf(line);
        if (entry) yield entry;
      }
      if (bytesRead === 0) return;
      // A longer line is no entry; the rest of it is none either.
      kept = end - linesEnd > MAX_LINE_BYTES ? 0 : buffer.copy(buffer, 0, linesEnd, end);
    }
  } finally {
    await file.close();
  }
}

function entryOf(line: string): ManifestEntry | null {
  if (line === '') return null;
  try {
    const entry = JSON.parse(line) as Partial<ManifestEntry>;
    return typeof entry.path === 'string' && /^[0-9a-f]{64}$/.test(entry.sha256 ?? '')
      ? (entry as ManifestEntry)
      : null;
  } catch {
    return null;
  }
}

const FLUSH_EVERY_ENTRIES = 200;
const SYNC_EVERY_MS = 1_000;

/** Writes a new file with one entry a line. Lines are only appended; a line is durable after one second at most. */
export class EntryWriter {
  private pending = '';
  private count = 0;
  private syncedMs = performance.now();

  private constructor(
    readonly path: string,
    private readonly file: Awaited<ReturnType<typeof open>>,
  ) {}

  /** @throws EEXIST when the file exists */
  static async create(path: string): Promise<EntryWriter> {
    return new EntryWriter(path, await open(path, 'ax'));
  }

  async add({ path, sizeBytes, mtimeMs, sha256 }: ManifestEntry): Promise<void> {
    this.pending += `${JSON.stringify({ path, sizeBytes, mtimeMs, sha256 })}\n`;
    this.count += 1;
    if (this.count % FLUSH_EVERY_ENTRIES === 0 || performance.now() - this.syncedMs > SYNC_EVERY_MS)
      await this.flush();
  }

  /** Everything is durable when it resolves. */
  async close(): Promise<void> {
    await this.flush();
    await this.file.sync();
    await this.file.close();
  }

  private async flush(): Promise<void> {
    const lines = this.pending;
    this.pending = '';
    await this.file.writeFile(lines);
    if (performance.now() - this.syncedMs < SYNC_EVERY_MS) return;
    await this.file.datasync();
    this.syncedMs = performance.now();
  }
}

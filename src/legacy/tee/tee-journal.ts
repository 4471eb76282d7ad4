import { appendFile, readFile, rm } from 'node:fs/promises';
import { TEE_OUTCOMES, type TeeMark } from './teed-post.js';

/** The last mark of a post. */
export interface MarkedAt {
  readonly mark: TeeMark;
  readonly atMs: number;
}

interface Line {
  readonly segmentPath: string;
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const MARKS: ReadonlySet<string> = new Set<TeeMark>(['sent', 'owed', ...TEE_OUTCOMES]);

/**
 * What happened to the posts, in a file beside each segment: one line `<id> <mark> <epoch milliseconds>` for each mark. Lines are
 * not flushed: they survive the end of the process, and after a power cut the old server, on the same machine, has ended too.
 * One file is open at a time, and only while it is written. Marks are written in the order of the calls.
 */
export class TeeJournal {
  private waiting: Line[] = [];
  private writing: Promise<void> | null = null;
  /** Bytes by the path of the segment. */
  private readonly sizes = new Map<string, number>();
  private totalBytes = 0;

  /** Bytes on disk. */
  get sizeBytes(): number {
    return this.totalBytes;
  }

  /** @throws the error of the file system */
  write(segmentPath: string, id: string, mark: TeeMark, atMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ segmentPath, text: `${id} ${mark} ${atMs}\n`, resolve, reject });
      this.writing ??= this.writeWaiting();
    });
  }

  /** The last mark of each post of a segment, by its id; a line that a kill has cut is left out. @throws the error of the file system */
  async read(segmentPath: string): Promise<ReadonlyMap<string, MarkedAt>> {
    const text = await readFile(pathOf(segmentPath), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    if (!this.sizes.has(segmentPath)) this.addBytes(segmentPath, Buffer.byteLength(text));
    const marks = new Map<string, MarkedAt>();
    for (const line of text.split('\n').slice(0, -1)) {
      const [id = '', mark = '', at = ''] = line.split(' ');
      if (MARKS.has(mark)) marks.set(id, { mark: mark as TeeMark, atMs: Number(at) });
    }
    return marks;
  }

  /** Call it after the segment was removed: without its journal, a segment would be sent again. */
  async remove(segmentPath: string): Promise<void> {
    this.totalBytes -= this.sizes.get(segmentPath) ?? 0;
    this.sizes.delete(segmentPath);
    await rm(pathOf(segmentPath), { force: true });
  }

  /** Leaves the files of other segments out of the size: another process has them. */
  forgetUnless(isOwn: (segmentPath: string) => boolean): void {
    for (const [path, sizeBytes] of this.sizes) {
      if (isOwn(path)) continue;
      this.totalBytes -= sizeBytes;
      this.sizes.delete(path);
    }
  }

  /** Waits for the marks that are being written. */
  async close(): Promise<void> {
    await this.writing;
  }

  private async writeWaiting(): Promise<void> {
    while (this.waiting.length > 0) {
      const lines = this.waiting;
      this.waiting = [];
      const failures = new Map<string, unknown>();
      for (const [path, texts] of textsByPath(lines))
        await this.append(path, texts).catch((error: unknown) => failures.set(path, error));
      for (const { segmentPath, resolve, reject } of lines)
        if (failures.has(segmentPath)) reject(failures.get(segmentPath));
        else resolve();
    }
    this.writing = null;
  }

  /** Begins with a line end: a write that failed, or a kill, can have left a part of a line. */
  private async append(segmentPath: string, texts: readonly string[]): Promise<void> {
    const text = `\n${texts.join('')}`;
    await appendFile(pathOf(segmentPath), text, { mode: 0o640 });
    this.addBytes(segmentPath, Buffer.byteLength(text));
  }

  private addBytes(segmentPath: string, sizeBytes: number): void {
    this.sizes.set(segmentPath, (this.sizes.get(segmentPath) ?? 0) + sizeBytes);
    this.totalBytes += sizeBytes;
  }
}

function textsByPath(lines: readonly Line[]): ReadonlyMap<string, string[]> {
  const texts = new Map<string, string[]>();
  for (const { segmentPath, text } of lines) {
    const known = texts.get(segmentPath);
    if (known) known.push(text);
    else texts.set(segmentPath, [text]);
  }
  return texts;
}

const pathOf = (segmentPath: string): string => `${segmentPath}.marks`;

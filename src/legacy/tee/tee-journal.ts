import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { TEE_OUTCOMES, type TeeMark } from './teed-post.js';

/** The last mark of a post. */
export interface MarkedAt {
  readonly mark: TeeMark;
  readonly atMs: number;
}

const MARKS: ReadonlySet<string> = new Set<TeeMark>(['sent', ...TEE_OUTCOMES]);

/**
 * What happened to the posts of one segment, in a file beside it: one line `<id> <mark> <epoch milliseconds>` for each mark.
 * Lines are not flushed: they survive the end of the process, and after a power cut the old server, on the same machine, has
 * ended too.
 */
export class TeeJournal {
  private file: Promise<FileHandle> | null = null;

  constructor(private readonly segmentPath: string) {}

  /** @throws the error of the file system */
  async write(id: string, mark: TeeMark, atMs: number): Promise<void> {
    this.file ??= open(pathOf(this.segmentPath), 'a', 0o640);
    await (await this.file).appendFile(`${id} ${mark} ${atMs}\n`);
  }

  async close(): Promise<void> {
    const file = await this.file?.catch(() => null);
    this.file = null;
    await file?.close();
  }

  /** Call it after the segment was removed: without its journal, a segment would be sent again. */
  async remove(): Promise<void> {
    await this.close();
    await rm(pathOf(this.segmentPath), { force: true });
  }

  /** The last mark of each post, by its id; a line that a kill has cut is left out. @throws the error of the file system */
  static async read(segmentPath: string): Promise<ReadonlyMap<string, MarkedAt>> {
    const text = await readFile(pathOf(segmentPath), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const marks = new Map<string, MarkedAt>();
    for (const line of text.split('\n').slice(0, -1)) {
      const [id = '', mark = '', at = ''] = line.split(' ');
      if (MARKS.has(mark)) marks.set(id, { mark: mark as TeeMark, atMs: Number(at) });
    }
    return marks;
  }
}

const pathOf = (segmentPath: string): string => `${segmentPath}.marks`;

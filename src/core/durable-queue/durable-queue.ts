import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { encodeRecord, type QueueRecord } from './record-format.js';
import {
  listSegments,
  readSegment,
  removeSegment,
  type SealedSegment,
  type SegmentContent,
  segmentName,
  syncNames,
} from './segment-file.js';

/** A segment is removed as a whole. A larger one is read and stored again for longer after a kill. */
const SEGMENT_BYTES = 4_000_000;
/** Records that wait for one flush, bytes. More are refused: the disk does not keep up. */
const MAX_WAITING_BYTES = 32_000_000;

/** The queue takes no record just now: its disk is too slow. */
export class QueueBusyError extends Error {}

interface QueueOptions {
  readonly directory: string;
  /** Runs one flush at a time for all queues that share it. Default: no other queue. */
  readonly turn?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Called after each flush. An error means that another process has taken the directory: the records are not durable. */
  readonly assertOwned?: () => Promise<void>;
  /** Called after a segment was removed, with its path. */
  readonly onRemoved?: (path: string) => void;
  readonly segmentBytes?: number;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly atMs: number;
  readonly resolve: (path: string) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A first-in, first-out queue in append-only files of one directory; docs/adr/0018. `append` resolves when the record is
 * flushed; the records that arrive during one flush share the next one. Records are processed in one of two ways:
 *
 * - `readOldest` and `removeOldest`: a reader takes whole segments and removes each after its records are processed.
 * - `settle`: the owner has the records in memory and reports each one that is processed. A segment is removed with its last
 *   one; nothing is read back. After a restart, `segments` reads what an earlier process has left.
 *
 * A process that is killed in between processes a segment again: processing must be idempotent, or have marks of its own. One
 * process writes; `open` finds what an earlier process has left.
 */
export class DurableQueue {
  private sealed: SealedSegment[] = [];
  private waiting: Waiting[] = [];
  private waitingBytes = 0;
  private writing: Promise<void> | null = null;
  private current: { readonly path: string; readonly handle: FileHandle; sizeBytes: number } | null = null;
  private nextNumber = 1;
  /** By the path of the segment, oldest first. */
  private readonly contents = new Map<string, { records: number; readonly oldestMs: number }>();

  constructor(private readonly options: QueueOptions) {}

  /**
   * Finds the segments of an earlier process and reads each once, one at a time, to count its records.
   * @throws the error of the file system
   */
  async open(): Promise<void> {
    this.sealed = await listSegments(this.options.directory);
    for (const segment of this.sealed) this.note(segment.path, (await readSegment(segment)).records);
    this.nextNumber = numberAfter(this.sealed.at(-1));
  }

  /** Nothing is stored and nothing waits to be. */
  get isEmpty(): boolean {
    return this.sealed.length === 0 && !this.current && this.waiting.length === 0 && !this.writing;
  }

  /** Bytes on disk. */
  get sizeBytes(): number {
    return this.sealed.reduce((sum, each) => sum + each.sizeBytes, this.current?.sizeBytes ?? 0);
  }

  /** Durable records that are not processed. */
  get count(): number {
    let count = 0;
    for (const { records } of this.contents.values()) count += records;
    return count;
  }

  /** Arrival of the first record of the oldest segment that has one to process, epoch milliseconds; null without one. */
  get oldestMs(): number | null {
    for (const { records, oldestMs } of this.contents.values()) if (records > 0) return oldestMs;
    return null;
  }

  /**
   * Resolves when the record is durable.
   * @returns the path of its segment, for `settle`
   * @throws QueueBusyError, the error of the file system: it is not known whether the record is on disk
   */
  append(record: QueueRecord): Promise<string> {
    const bytes = encodeRecord(record);
    if (this.waitingBytes + bytes.length > MAX_WAITING_BYTES)
      return Promise.reject(new QueueBusyError('too many records wait for the disk'));
    this.waitingBytes += bytes.length;
    return new Promise((resolve, reject) => {
      this.waiting.push({ bytes, atMs: record.atMs, resolve, reject });
      this.writing ??= this.writeWaiting();
    });
  }

  /**
   * The oldest segment; null when the queue is empty. Further records go into another segment.
   * @throws the error of the file system
   */
  async readOldest(): Promise<SegmentContent | null> {
    if (this.sealed.length === 0) await this.turn(() => this.seal());
    const [oldest] = this.sealed;
    return oldest ? readSegment(oldest) : null;
  }

  /** Removes the oldest segment: all its records are processed. */
  async removeOldest(): Promise<void> {
    const [oldest] = this.sealed;
    if (oldest) await this.remove(oldest);
  }

  /** The segments that were found by `open`, oldest first. @throws the error of the file system */
  async *segments(): AsyncGenerator<SegmentContent> {
    for (const segment of [...this.sealed]) yield readSegment(segment);
  }

  /** Whether a segment has records and was not removed. */
  has(path: string): boolean {
    return this.contents.has(path);
  }

  /** One segment of this queue; null when it was removed. @throws the error of the file system */
  async read(path: string): Promise<SegmentContent | null> {
    const open = this.current?.path === path ? this.current : null;
    const segment = open ?? this.sealed.find((each) => each.path === path);
    return segment ? readSegment(segment) : null;
  }

  /**
   * Ends the segment that takes records when its first one arrived before a time, epoch milliseconds: only then it can be
   * removed. Further records go into another segment.
   */
  async sealOlderThan(atMs: number): Promise<void> {
    const isOlder = (): boolean => {
      const content = this.current && this.contents.get(this.current.path);
      return !!content && content.oldestMs < atMs;
    };
    if (!isOlder()) return;
    await this.turn(async () => {
      if (isOlder()) await this.seal();
    });
  }

  /**
   * Reports that records of a segment are processed; with the last one the segment is removed.
   * @param path as `append` and `segments` gave it
   */
  async settle(path: string, count = 1): Promise<void> {
    const content = this.contents.get(path);
    if (content) content.records -= count;
    const segment = this.sealed.find((each) => each.path === path);
    if (segment && (content?.records ?? 0) <= 0) await this.remove(segment);
  }

  /** Waits for the records that are being written. */
  async close(): Promise<void> {
    await this.writing;
    await this.turn(() => this.seal());
  }

  private async writeWaiting(): Promise<void> {
    // Starts after this turn of the event loop, so that its other records join the first group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const group = this.takeGroup();
      try {
        const path = await this.turn(() => this.write(group));
        for (const each of group) each.resolve(path);
      } catch (error) {
        for (const each of group) each.reject(error);
      }
    }
    this.writing = null;
  }

  /** As many records as the segment has room for, at least one. */
  private takeGroup(): Waiting[] {
    const { segmentBytes = SEGMENT_BYTES } = this.options;
    let sizeBytes = this.current?.sizeBytes ?? 0;
    let count = 0;
    for (const { bytes } of this.waiting) {
      sizeBytes += bytes.length;
      if (count > 0 && sizeBytes > segmentBytes) break;
      count += 1;
    }
    const group = this.waiting.splice(0, count);
    for (const { bytes } of group) this.waitingBytes -= bytes.length;
    return group;
  }

  /** @returns the path of their segment */
  private async write(group: readonly Waiting[]): Promise<string> {
    const { segmentBytes = SEGMENT_BYTES, assertOwned } = this.options;
    if ((this.current?.sizeBytes ?? 0) >= segmentBytes) await this.seal();
    const isNew = !this.current;
    this.current ??= await this.create();
    const { current } = this;
    const bytes = Buffer.concat(group.map((each) => each.bytes));
    try {
      for (let at = 0; at < bytes.length;) {
        const position = current.sizeBytes + at;
        at += (await current.handle.write(bytes, at, bytes.length - at, position)).bytesWritten;
      }
      await current.handle.datasync();
      if (isNew) await syncNames(this.options.directory);
      await assertOwned?.();
    } catch (error) {
      // What is behind the last good byte does not count, and no record follows it.
      await this.seal().catch(() => undefined);
      throw error;
    }
    current.sizeBytes += bytes.length;
    this.note(current.path, group);
    return current.path;
  }

  private async create(): Promise<NonNullable<DurableQueue['current']>> {
    const { directory } = this.options;
    if ((await mkdir(directory, { recursive: true })) !== undefined) await syncNames(dirname(directory));
    const path = join(directory, segmentName(this.nextNumber));
    this.nextNumber += 1;
    return { path, handle: await open(path, 'wx', 0o640), sizeBytes: 0 };
  }

  private async seal(): Promise<void> {
    const { current } = this;
    if (!current) return;
    this.current = null;
    const { path, sizeBytes, handle } = current;
    if (sizeBytes > 0) this.sealed.push({ path, sizeBytes });
    await handle.close();
    if (sizeBytes === 0) await removeSegment(current);
    else if (this.contents.get(path)?.records === 0) await this.remove({ path, sizeBytes });
  }

  private async remove(segment: SealedSegment): Promise<void> {
    await removeSegment(segment);
    this.sealed = this.sealed.filter(({ path }) => path !== segment.path);
    this.contents.delete(segment.path);
    this.options.onRemoved?.(segment.path);
  }

  private note(path: string, records: readonly Pick<QueueRecord, 'atMs'>[]): void {
    const [first] = records;
    if (!first) return;
    const known = this.contents.get(path);
    if (known) known.records += records.length;
    else this.contents.set(path, { records: records.length, oldestMs: first.atMs });
  }

  private turn<T>(work: () => Promise<T>): Promise<T> {
    return this.options.turn ? this.options.turn(work) : work();
  }
}

function numberAfter(segment: SealedSegment | undefined): number {
  return segment ? Number.parseInt(basename(segment.path), 10) + 1 : 1;
}

import { open, type RootDatabase } from 'lmdb';
import { CommandError } from './errors.js';

/** Half-open range of keys: `start` included, `end` not. */
export interface KeyRange {
  start: Buffer;
  end: Buffer;
}

/**
 * Copies a value out of the buffer that lmdb uses again for the next one. That buffer is larger than its `length`. The
 * package's own copies cost four times as much.
 */
function copyOf({ buffer, byteOffset, length }: Buffer): Buffer {
  const copy = Buffer.allocUnsafe(length);
  copy.set(new Uint8Array(buffer, byteOffset, length));
  return copy;
}

interface Job {
  run: () => unknown;
  resolve: (result: never) => void;
  reject: (error: unknown) => void;
}

/**
 * Errors of a commit that leave the database unchanged: ENOSPC, EDQUOT, EFBIG, MDB_MAP_FULL, MDB_BAD_TXN (an earlier
 * allocation of a page failed) and EIO, which LMDB also reports for a partial write on a full disk. No page refers to the
 * pages of a failed commit, and the next commit writes its own pages, so the store can continue. When LMDB cannot write
 * the page that makes a commit valid, it refuses all later transactions. That error is fatal.
 */
const NOT_WRITTEN = new Set<unknown>([28, 122, 27, -30792, -30782, 5]);

/**
 * An ordered map of bytes on disk.
 *
 * Durability: LMDB writes changed pages beside the old ones and flushes them. Then it writes and flushes the page that
 * makes them valid. A kill or a power loss at any moment leaves the last committed state. `overlappingSync` (commit first,
 * flush later) is off, so that a read only sees data that are on the disk. A commit blocks this thread during two flushes.
 * Commands that arrive in that time wait in their sockets and share the next transaction (group commit).
 */
export class Store {
  private readonly db: RootDatabase<Buffer, Buffer>;
  private queue: Job[] = [];
  private changes = 0;
  private closing: Promise<void> | undefined;
  private dropCache: () => void = () => undefined;

  /**
   * @param directory absolute path; created when missing
   * @param noSync no flush to the disk: a power loss loses writes and may destroy the file
   */
  constructor(
    directory: string,
    noSync: boolean,
    private readonly onFatal: (error: Error) => void,
  ) {
    this.db = open<Buffer, Buffer>({
      path: directory,
      encoder: { encode: (value: unknown) => value, decode: copyOf },
      keyEncoding: 'binary',
      noSubdir: false,
      overlappingSync: false,
      noSync,
    });
  }

  /** @param listener discards cached data of a transaction that is rolled back */
  onRollback(listener: () => void): void {
    this.dropCache = listener;
  }

  get(key: Buffer): Buffer | undefined {
    return this.db.get(key);
  }

  has(key: Buffer): boolean {
    return this.db.doesExist(key);
  }

  /** Only inside `write`. */
  put(key: Buffer, value: Buffer): void {
    this.changes++;
    void this.db.put(key, value);
  }

  /** Only inside `write`. @returns false when the key exists; then nothing is changed */
  add(key: Buffer, value: Buffer): boolean {
    this.changes++;
    // Inside a transaction lmdb returns whether it wrote; its types do not have that.
    return this.db.putSync(key, value, { noOverwrite: true }) as unknown as boolean;
  }

  /** Only inside `write`. */
  remove(key: Buffer): void {
    this.changes++;
    void this.db.remove(key);
  }

  /** Consume it within one turn of the event loop: it holds a read transaction. */
  range({ start, end }: KeyRange, isReverse = false): Iterable<{ key: Buffer; value: Buffer }> {
    return isReverse
      ? this.db.getRange({ start: end, end: start, reverse: true, exclusiveStart: true, inclusiveEnd: true })
      : this.db.getRange({ start, end });
  }

  /**
   * Runs `job` in one transaction with all other waiting jobs. Resolves when the writes are on the disk. A job may run
   * more than once, so it must change nothing but the store.
   * @throws the error of `job`, after a rollback of its writes; CommandError OutOfDiskSpace
   */
  write<T>(job: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.queue.push({ run: job, resolve, reject }) === 1) setImmediate(() => this.commitQueue());
    });
  }

  /** Finishes the waiting jobs first. It may be called twice. */
  close(): Promise<void> {
    const end = (): Promise<void> => this.db.close();
    return (this.closing ??= this.write(() => undefined).then(end, end));
  }

  private commitQueue(): void {
    const jobs = this.queue;
    this.queue = [];
    this.commit(jobs);
  }

  private commit(jobs: Job[]): void {
    let settle: (() => void)[];
    try {
      settle = this.db.transactionSync(() => jobs.map((job) => this.runJob(job)));
    } catch (error) {
      this.dropCache();
      // One large or failed command must not make the others fail.
      if (jobs.length > 1) for (const job of jobs) this.commit([job]);
      else jobs[0]?.reject(this.toCommandError(error));
      return;
    }
    for (const settleJob of settle) settleJob();
  }

  /** A job that failed before its first change needs no rollback, so the others go on. */
  private runJob(job: Job): () => void {
    const changesBefore = this.changes;
    try {
      const result = job.run() as never;
      return () => job.resolve(result);
    } catch (error) {
      if (this.changes !== changesBefore || !(error instanceof CommandError)) throw error;
      return () => job.reject(error);
    }
  }

  private toCommandError(error: unknown): unknown {
    if (error instanceof CommandError) return error;
    const { code, message } = error as { code?: unknown; message: string };
    if (NOT_WRITTEN.has(code)) return new CommandError(14031, `write to disk failed: ${message}`);
    if (typeof code === 'number') this.onFatal(error as Error);
    return error;
  }
}

import { open, type RootDatabase } from 'lmdb';
import { CommandError } from './errors.js';

/** Half-open range of keys: `start` included, `end` not. */
export interface KeyRange {
  start: Buffer;
  end: Buffer;
}

interface Job {
  run: () => unknown;
  resolve: (result: never) => void;
  reject: (error: unknown) => void;
}

/**
 * Errors of a commit that leave the database as it was: ENOSPC, EDQUOT, EFBIG, MDB_MAP_FULL, MDB_BAD_TXN (a page could not
 * be had earlier) and EIO, which is also how LMDB reports a write cut short by a full disk. Nothing points to the pages
 * of a failed commit and the next one writes its own anew, so it is safe to go on. When the one page that makes a commit
 * valid could not be written, LMDB refuses every later transaction: that is fatal.
 */
const NOT_WRITTEN = new Set<unknown>([28, 122, 27, -30792, -30782, 5]);

/**
 * An ordered map of bytes on disk.
 *
 * Durability: LMDB writes changed pages beside the old ones, flushes them, and only then writes and flushes the page
 * that makes them valid; a kill or a power loss at any moment leaves the last committed state. `overlappingSync` (which
 * commits first and flushes later) is off, so that what a read sees is always on the disk already. The commit blocks
 * this thread for the length of two flushes: the commands that arrive meanwhile wait in their sockets and become the next
 * transaction together, which is the whole of group commit.
 */
export class Store {
  private readonly db: RootDatabase<Buffer, Buffer>;
  private queue: Job[] = [];
  private closing: Promise<void> | undefined;
  private dropCache: () => void = () => undefined;

  /**
   * @param directory absolute; made when missing
   * @param noSync no flush to the disk: a power loss loses writes and may break the file
   */
  constructor(
    directory: string,
    noSync: boolean,
    private readonly onFatal: (error: Error) => void,
  ) {
    this.db = open<Buffer, Buffer>({
      path: directory,
      encoding: 'binary',
      keyEncoding: 'binary',
      noSubdir: false,
      overlappingSync: false,
      noSync,
    });
  }

  /** `listener` drops whatever was cached from a transaction that is now undone. */
  onRollback(listener: () => void): void {
    this.dropCache = listener;
  }

  get(key: Buffer): Buffer | undefined {
    return this.db.getBinary(key);
  }

  /** Only inside `write`. */
  put(key: Buffer, value: Buffer): void {
    void this.db.put(key, value);
  }

  /** Only inside `write`. */
  remove(key: Buffer): void {
    void this.db.remove(key);
  }

  /** To be consumed within one turn of the event loop: it holds a read transaction. */
  *range({ start, end }: KeyRange, isReverse = false): Generator<{ key: Buffer; value: Buffer }> {
    yield* isReverse
      ? this.db.getRange({ start: end, end: start, reverse: true, exclusiveStart: true, inclusiveEnd: true })
      : this.db.getRange({ start, end });
  }

  /**
   * Runs `job` in a transaction with whatever else is waiting; resolves when its writes are on the disk. It may run more
   * than once, so it must not touch anything but the store.
   * @throws what `job` throws, its writes undone; CommandError OutOfDiskSpace
   */
  write<T>(job: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.queue.push({ run: job, resolve, reject }) === 1) setImmediate(() => this.commitQueue());
    });
  }

  /** Finishes what was asked for before. May be called twice. */
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
      // One large command must not take the small ones with it.
      if (jobs.length > 1) for (const job of jobs) this.commit([job]);
      else jobs[0]?.reject(this.toCommandError(error));
      return;
    }
    for (const settleJob of settle) settleJob();
  }

  /** In a transaction within the transaction: a job that fails is undone alone. */
  private runJob(job: Job): () => void {
    try {
      const result = this.db.transactionSync(job.run) as never;
      return () => job.resolve(result);
    } catch (error) {
      this.dropCache();
      return () => job.reject(this.toCommandError(error));
    }
  }

  private toCommandError(error: unknown): unknown {
    if (error instanceof CommandError) return error;
    const { code, message } = error as { code?: unknown; message: string };
    if (NOT_WRITTEN.has(code)) return new CommandError(14031, `the disk did not take this write: ${message}`);
    if (typeof code === 'number') this.onFatal(error as Error);
    return error;
  }
}

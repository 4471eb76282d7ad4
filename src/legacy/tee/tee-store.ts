import { Logger } from '@nestjs/common';
import { DirectoryLostError, type DurableQueue, failureFields, withTimeout } from '../../core/index.js';
import type { OwedItem } from '../owed/owed.repository.js';
import { PostQueues, type StoredRecord } from '../spool/post-queues.js';
import { type MarkedAt, TeeJournal } from './tee-journal.js';
import {
  decodeTeedPost,
  encodeTeedPost,
  owedItemOf,
  type TeedPost,
  type TeeMark,
  type TeeOutcome,
  withoutBody,
} from './teed-post.js';

const QUEUE = 'post';
/** A disk that takes longer is not waited for: a post is passed on without being on it. */
const DISK_LIMIT_MS = 600;
/** Share of the directory that bodies may use. The rest is for posts without them, so that what is owed is known after a kill. */
const BODIES_SHARE = 0.9;
/** Bodies are kept again when they use this share. */
const FREE_SHARE = 0.85;
/** Beside the payload of a post. */
const RECORD_BYTES = 100;
/** A segment takes posts for this time: only then it can be removed. */
const SEGMENT_LIMIT_MS = 60_000;

/** Where a post is on the disk; it resolves with null when it is not there. */
export type Stored = Promise<StoredRecord | null>;

/** A post that an earlier process has left without an outcome. */
export interface LeftPost {
  readonly post: TeedPost;
  readonly stored: Stored;
  /** null: not sent. */
  readonly sentAtMs: number | null;
}

/** A post whose owed record is not in storage yet. */
export interface OwedPost {
  /** Of the post. */
  readonly id: string;
  readonly item: OwedItem;
  readonly stored: Stored;
}

interface TeeStoreOptions {
  readonly root: string;
  /** Size of the directory above which no post is written. */
  readonly maxBytes: number;
  /** Age of the oldest post above which no bodies are written. */
  readonly maxAgeMs: number;
  readonly nowMs: () => number;
  /** Called with a segment of an earlier process and the number of its posts whose outcome is noted and owed. */
  readonly onOwed: (place: StoredRecord, count: number) => void;
  /** Called with the posts of an earlier process, in the order of arrival. */
  readonly onLeft: (posts: readonly LeftPost[]) => void;
}

/**
 * The posts for the old server on the disk, and what happened to them. In normal operation nothing is read back: a segment is
 * removed when all its posts are settled. The directory has a limit: above nine tenths of it, posts are kept without their bodies, so
 * that what is owed survives a kill.
 */
export class TeeStore {
  private readonly logger = new Logger(TeeStore.name);
  private readonly queues: PostQueues<typeof QUEUE>;
  private readonly journal = new TeeJournal();
  /** Bytes of the posts that are being written. */
  private writingBytes = 0;
  private wasFull = false;
  /** The disk takes no posts. */
  isFailing = false;
  /** The limit of the directory is met: it takes posts without their bodies, or none. */
  isFull = false;

  constructor(private readonly options: TeeStoreOptions) {
    this.queues = new PostQueues({
      root: options.root,
      names: [QUEUE],
      onAdopted: (queue) => this.readLeft(queue),
      onRemoved: (path) => void this.journal.remove(path).catch(() => undefined),
    });
  }

  /** Bytes on disk, with those that are being written. */
  get sizeBytes(): number {
    return this.queues.sizeBytes(QUEUE) + this.journal.sizeBytes + this.writingBytes;
  }

  /** Shows the other processes that this one lives. Call it every second. @throws the error of the file system */
  ensureOpen(): Promise<void> {
    return this.queues.ensureOpen();
  }

  /** Call it every second. @throws the error of the file system */
  adoptAbandoned(): Promise<void> {
    return this.queues.adoptAbandoned();
  }

  /** Lets segments end, so that they can be removed, and notes that there is room again. Call it every second. */
  async trim(): Promise<void> {
    const { maxBytes, nowMs } = this.options;
    const queues = this.queues.named(QUEUE);
    this.journal.forgetUnless((path) => queues.some((queue) => queue.has(path)));
    if (this.isFull && !this.isTooOld && this.sizeBytes < FREE_SHARE * maxBytes) this.isFull = false;
    const becomesFull = this.isFull && !this.wasFull;
    if (becomesFull)
      this.logger.error(
        { bytes: this.sizeBytes, maxBytes },
        'directory of the tee is full: posts for the old server are kept without their bodies, or do not survive a kill',
      );
    if (this.wasFull && !this.isFull) this.logger.log('directory of the tee has room again');
    this.wasFull = this.isFull;
    for (const queue of queues)
      await queue.sealOlderThan(becomesFull ? Infinity : nowMs() - SEGMENT_LIMIT_MS);
  }

  /** Resolves with null when the disk does not take it in time, or has no room for it. Never rejects. */
  async append(post: TeedPost): Stored {
    const payload = this.payloadFor(post);
    if (!payload) return null;
    const sizeBytes = payload.length + RECORD_BYTES;
    this.writingBytes += sizeBytes;
    try {
      const record = { key: post.boxCode, atMs: post.receivedAtMs, payload };
      const stored = await this.queues.appendOnce(QUEUE, record);
      this.isFailing = false;
      return stored;
    } catch (error) {
      if (!this.isFailing)
        this.logger.error(
          { ...failureFields(error) },
          'the disk takes no posts for the old server: they do not survive a kill',
        );
      this.isFailing = true;
      return null;
    } finally {
      this.writingBytes -= sizeBytes;
    }
  }

  /**
   * Waits for the post to be on the disk, then notes that it is sent.
   * @throws DirectoryLostError when another process has taken it over
   */
  async markSent(id: string, stored: Stored): Promise<void> {
    const place = await withTimeout(stored, DISK_LIMIT_MS, diskTooSlow).catch(() => null);
    if (!place) return;
    if (!this.queues.named(QUEUE).includes(place.queue))
      throw new DirectoryLostError('another process has the post');
    await this.queues.assertOwned();
    const writing = this.journal.write(place.path, id, 'sent', this.options.nowMs());
    await withTimeout(writing, DISK_LIMIT_MS, diskTooSlow).catch((error: unknown) =>
      this.logger.warn(
        { ...failureFields(error) },
        'a post for the old server is sent without a note on the disk',
      ),
    );
  }

  /**
   * Notes the outcome, for the case that this process ends before `settle`. Never rejects.
   * @returns null: the disk did not take it
   */
  async mark(id: string, stored: Stored, mark: TeeMark): Stored {
    const place = await stored;
    return (
      place &&
      this.journal.write(place.path, id, mark, this.options.nowMs()).then(
        () => place,
        () => null,
      )
    );
  }

  /**
   * The owed record of a post is in storage. Never rejects.
   * @returns false: the disk did not take the note, and `readOwed` gives the post again
   */
  async settleOwed(id: string, place: StoredRecord): Promise<boolean> {
    if (!(await this.mark(id, Promise.resolve(place), 'owed'))) return false;
    await this.settle(Promise.resolve(place));
    return true;
  }

  /**
   * The first posts of a segment that are owed, without those in storage, in the order of arrival.
   * @throws the error of the file system
   */
  async readOwed(place: StoredRecord, limit: number): Promise<OwedPost[]> {
    // Another process has them.
    if (!this.queues.named(QUEUE).includes(place.queue)) return [];
    const segment = await place.queue.read(place.path);
    const marks = await this.journal.read(place.path);
    const stored = Promise.resolve(place);
    const posts: OwedPost[] = [];
    for (const { payload } of segment?.records ?? []) {
      const post = decoded(payload);
      const outcome = post && owedOutcome(marks.get(post.id));
      const item = outcome ? owedItemOf(post, outcome) : null;
      if (post && item) posts.push({ id: post.id, item, stored });
      if (posts.length === limit) break;
    }
    return posts;
  }

  /** Whether all posts of a segment arrived before those of another one. */
  isOlder(place: StoredRecord, other: StoredRecord): boolean {
    if (place.queue === other.queue) return place.path < other.path;
    const queues = this.queues.named(QUEUE);
    return queues.indexOf(place.queue) < queues.indexOf(other.queue);
  }

  /** A post needs nothing more. Never rejects. */
  async settle(stored: Stored): Promise<void> {
    const place = await stored;
    await place?.queue
      .settle(place.path)
      .catch((error: unknown) =>
        this.logger.warn({ ...failureFields(error) }, 'file of passed on posts not removed'),
      );
  }

  /** Lets another process take over at once what is left. */
  async close(): Promise<void> {
    await withTimeout(this.journal.close(), DISK_LIMIT_MS, diskTooSlow).catch(() => undefined);
    await withTimeout(this.queues.close(), DISK_LIMIT_MS, diskTooSlow);
  }

  private get isTooOld(): boolean {
    const { oldestMs } = this.queues;
    return oldestMs !== null && this.options.nowMs() - oldestMs > this.options.maxAgeMs;
  }

  /** @returns null: there is no room for it */
  private payloadFor(post: TeedPost): Buffer | null {
    const { maxBytes } = this.options;
    const freeBytes = maxBytes - this.sizeBytes - RECORD_BYTES;
    const whole = encodeTeedPost(post);
    if (post.body.length > 0) {
      this.isFull ||= this.isTooOld || whole.length > freeBytes - (1 - BODIES_SHARE) * maxBytes;
      if (!this.isFull) return whole;
      // An alarm is small, and is to be sent after a kill.
      if (post.kind === 'crash' && whole.length <= freeBytes) return whole;
    }
    const rest = encodeTeedPost(withoutBody(post));
    if (rest.length <= freeBytes) return rest;
    this.isFull = true;
    return null;
  }

  private async readLeft(queue: DurableQueue): Promise<void> {
    for await (const { path, records, damaged } of queue.segments()) {
      const marks = await this.journal.read(path);
      const place = { queue, path };
      const left: LeftPost[] = [];
      let [owed, unreadable] = [0, 0];
      for (const { payload } of records) {
        const post = decoded(payload);
        const last = post && marks.get(post.id);
        const outcome = owedOutcome(last);
        if (!post) unreadable += 1;
        else if (!last || last.mark === 'sent')
          left.push({ post, sentAtMs: last?.atMs ?? null, stored: Promise.resolve(place) });
        else if (outcome && owedItemOf(post, outcome)) owed += 1;
      }
      if (unreadable > 0 || damaged.some(({ isTail }) => !isTail))
        this.logger.error({ path, unreadable }, 'posts for the old server are damaged on the disk');
      // Removes the segment when nothing is left.
      await queue.settle(path, records.length - left.length - owed);
      if (owed > 0) this.options.onOwed(place, owed);
      if (left.length > 0) this.options.onLeft(left);
    }
  }
}

/** @returns null: the old server has got it, it has no outcome yet, or its owed record is in storage */
function owedOutcome(last: MarkedAt | null | undefined): TeeOutcome | null {
  const mark = last?.mark;
  return !mark || mark === 'sent' || mark === 'owed' || mark === 'taken' ? null : mark;
}

function decoded(payload: Buffer): TeedPost | null {
  try {
    return decodeTeedPost(payload);
  } catch {
    return null;
  }
}

const diskTooSlow = (): Error => new Error(`the disk took over ${DISK_LIMIT_MS} ms`);

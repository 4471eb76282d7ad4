import { Logger } from '@nestjs/common';
import { DirectoryLostError, type DurableQueue, failureFields, withTimeout } from '../../core/index.js';
import { PostQueues, type StoredRecord } from '../spool/post-queues.js';
import { TeeJournal, type MarkedAt } from './tee-journal.js';
import { decodeTeedPost, encodeTeedPost, type TeedPost, type TeeMark } from './teed-post.js';

const QUEUE = 'post';
/** A disk that takes longer is not waited for: a post is passed on without being on it. */
const DISK_LIMIT_MS = 600;

/** Where a post is on the disk; it resolves with null when it is not there. */
export type Stored = Promise<StoredRecord | null>;

/** A post that an earlier process has left. */
export interface LeftPost {
  readonly post: TeedPost;
  readonly stored: Stored;
  /** null: not sent. */
  readonly last: MarkedAt | null;
}

interface TeeStoreOptions {
  readonly root: string;
  readonly nowMs: () => number;
  /** Called with the posts of an earlier process, in the order of arrival. */
  readonly onLeft: (posts: readonly LeftPost[]) => void;
}

/**
 * The posts for the old server on the disk, and what happened to them. In normal operation nothing is read back: a segment is
 * removed when all its posts are settled.
 */
export class TeeStore {
  private readonly logger = new Logger(TeeStore.name);
  private readonly queues: PostQueues<typeof QUEUE>;
  private readonly journals = new Map<string, TeeJournal>();
  /** The disk takes no posts. */
  isFailing = false;

  constructor(private readonly options: TeeStoreOptions) {
    this.queues = new PostQueues({
      root: options.root,
      names: [QUEUE],
      onAdopted: (queue) => this.readLeft(queue),
      onRemoved: (path) => void this.removeJournal(path),
    });
  }

  /** Shows the other processes that this one lives. Call it every second. @throws the error of the file system */
  ensureOpen(): Promise<void> {
    return this.queues.ensureOpen();
  }

  /** Call it every second. @throws the error of the file system */
  adoptAbandoned(): Promise<void> {
    return this.queues.adoptAbandoned();
  }

  /** Resolves with null when the disk does not take it in time. Never rejects. */
  async append(post: TeedPost): Stored {
    const record = { key: post.boxCode, atMs: post.receivedAtMs, payload: encodeTeedPost(post) };
    try {
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
    await withTimeout(this.write(place.path, id, 'sent'), DISK_LIMIT_MS, diskTooSlow).catch(
      (error: unknown) =>
        this.logger.warn(
          { ...failureFields(error) },
          'a post for the old server is sent without a note on the disk',
        ),
    );
  }

  /** Notes the outcome, for the case that this process ends before `settle`. Never rejects. */
  async mark(id: string, stored: Stored, mark: TeeMark): Promise<void> {
    const place = await stored;
    if (place) await this.write(place.path, id, mark).catch(() => undefined);
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
    await withTimeout(this.queues.close(), DISK_LIMIT_MS, diskTooSlow);
    for (const journal of this.journals.values()) await journal.close();
  }

  private async write(path: string, id: string, mark: TeeMark): Promise<void> {
    let journal = this.journals.get(path);
    if (!journal) {
      journal = new TeeJournal(path);
      this.journals.set(path, journal);
    }
    await journal.write(id, mark, this.options.nowMs());
  }

  private async removeJournal(path: string): Promise<void> {
    const journal = this.journals.get(path) ?? new TeeJournal(path);
    this.journals.delete(path);
    await journal.remove().catch(() => undefined);
  }

  private async readLeft(queue: DurableQueue): Promise<void> {
    for await (const { path, records, damaged } of queue.segments()) {
      const marks = await TeeJournal.read(path);
      const posts = records.map(({ payload }) => decoded(payload));
      const left = posts.flatMap((post): LeftPost[] => {
        const last = post ? (marks.get(post.id) ?? null) : null;
        if (!post || last?.mark === 'taken') return [];
        return [{ post, last, stored: Promise.resolve({ queue, path }) }];
      });
      const unreadable = posts.filter((post) => !post).length;
      if (unreadable > 0 || damaged.some(({ isTail }) => !isTail))
        this.logger.error({ path, unreadable }, 'posts for the old server are damaged on the disk');
      // Removes the segment when nothing is left.
      await queue.settle(path, records.length - left.length);
      if (left.length > 0) this.options.onLeft(left);
    }
  }
}

function decoded(payload: Buffer): TeedPost | null {
  try {
    return decodeTeedPost(payload);
  } catch {
    return null;
  }
}

const diskTooSlow = (): Error => new Error(`the disk took over ${DISK_LIMIT_MS} ms`);

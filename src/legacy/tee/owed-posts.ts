import { Logger } from '@nestjs/common';
import { failureFields } from '../../core/index.js';
import type { LegacyPostKind } from '../legacy-metrics.js';
import type { OwedRepository } from '../owed/owed.repository.js';
import type { StoredRecord } from '../spool/post-queues.js';
import type { OwedPost, TeeStore } from './tee-store.js';

/** Entries in memory, about 600 bytes each. Further ones whose post is on the disk stay there. */
const MAX_IN_MEMORY = 1_000;
/** Entries that are read back at a time. */
const PAGE_SIZE = 5_000;
/** Entries in memory whose post is not on the disk are dropped above this number of all entries. */
const MAX_UNKEPT = 10_000;

interface OwedPostsOptions {
  readonly owed: Pick<OwedRepository, 'add'>;
  readonly store: Pick<TeeStore, 'readOwed' | 'settleOwed' | 'isOlder'>;
  /** A record had no room in memory, and its post is not on the disk with its outcome. */
  readonly onLost: (kind: LegacyPostKind) => void;
}

/**
 * Adds posts that the old server has not confirmed to the owed records, in the order of their outcome, as soon as storage takes
 * them. While storage is away, a bounded number is in memory. The others stay on the disk, in their segment with the mark of
 * their outcome, and are read back in pages, the oldest segment first, so the order of each box and kind stays.
 */
export class OwedPosts {
  private readonly logger = new Logger(OwedPosts.name);
  private readonly waiting: OwedPost[] = [];
  /** Segments that have owed posts which are not in memory, by their path. */
  private readonly left = new Map<string, { readonly place: StoredRecord; count: number }>();
  /** Posts whose mark is being written. */
  private leaving = 0;
  /** Posts of the segment that is being read. */
  private reading = 0;
  /** Paths of segments that the disk did not give, with the last attempt: those behind them do not wait. */
  private readonly unreadable = new Map<string, number>();
  private attempts = 0;
  private lost = 0;
  private saving: Promise<void> | null = null;
  private isFailing = false;

  constructor(private readonly options: OwedPostsOptions) {}

  /** Owed records that are not in storage. */
  get count(): number {
    let count = this.waiting.length + this.leaving + this.reading;
    for (const each of this.left.values()) count += each.count;
    return count;
  }

  /** Of these, those in memory. */
  get inMemory(): number {
    return this.waiting.length;
  }

  /** @param marked where the outcome is noted on the disk; null: it is not */
  add(post: OwedPost, marked: Promise<StoredRecord | null>): void {
    const isOrdered = this.left.size === 0 && this.leaving === 0 && this.reading === 0;
    if (isOrdered && this.waiting.length < MAX_IN_MEMORY) {
      this.waiting.push(post);
      return this.saveIfTaken();
    }
    this.leaving += 1;
    void marked.then((place) => {
      this.leaving -= 1;
      if (place) this.leave(place, 1);
      else if (this.waiting.length < MAX_UNKEPT) this.waiting.push(post);
      else this.lose(post.item.kind);
      this.saveIfTaken();
    });
  }

  /** @param count posts of a segment, of an earlier process, whose outcome is noted on the disk */
  addLeft(place: StoredRecord, count: number): void {
    this.leave(place, count);
    this.saveIfTaken();
  }

  /** Call it every second: after an error of storage the items wait for it. Never rejects. */
  save(): Promise<void> {
    return (this.saving ??= this.saveAll().finally(() => (this.saving = null)));
  }

  private saveIfTaken(): void {
    if (!this.isFailing) void this.save();
  }

  private async saveAll(): Promise<void> {
    this.attempts += 1;
    let areNoted = true;
    const noted: Promise<void>[] = [];
    while (areNoted) {
      const [next] = this.waiting;
      if (next) {
        if (!(await this.saveOne(next))) break;
        this.waiting.shift();
        noted.push(this.settle(next).then((isNoted) => void (areNoted &&= isNoted)));
      }
      if (next && noted.length < MAX_IN_MEMORY) continue;
      // What is in storage is noted before a segment is read: it would be read again.
      await Promise.all(noted.splice(0));
      if (!next && areNoted && !(await this.readBack()) && this.waiting.length === 0) break;
    }
    await Promise.all(noted);
  }

  /** @returns false: storage does not take it */
  private async saveOne({ item }: OwedPost): Promise<boolean> {
    try {
      await this.options.owed.add(item);
    } catch (error) {
      if (!this.isFailing) this.logger.warn({ ...failureFields(error) }, 'owed records wait for storage');
      this.isFailing = true;
      return false;
    }
    if (this.lost > 0) this.logger.error({ posts: this.lost }, 'owed records were lost: no room on the disk');
    [this.isFailing, this.lost] = [false, 0];
    return true;
  }

  /** @returns false: the disk did not take the note, so the post is read again */
  private async settle({ id, stored }: OwedPost): Promise<boolean> {
    const place = await stored;
    if (!place || (await this.options.store.settleOwed(id, place))) return true;
    this.leave(place, 1);
    return false;
  }

  /** @returns false when there is nothing to read */
  private async readBack(): Promise<boolean> {
    const place = this.oldestLeft();
    const entry = place && this.left.get(place.path);
    if (!place || !entry) return false;
    this.left.delete(place.path);
    this.reading = entry.count;
    try {
      const posts = await this.options.store.readOwed(place, PAGE_SIZE);
      const oldest = this.oldestLeft();
      // An older segment got a post meanwhile, which is to be stored first.
      if (oldest && this.options.store.isOlder(oldest, place)) this.leave(place, entry.count);
      else {
        this.waiting.push(...posts);
        if (posts.length === PAGE_SIZE) this.leave(place, Math.max(1, entry.count - PAGE_SIZE));
      }
      this.unreadable.delete(place.path);
    } catch (error) {
      this.leave(place, entry.count);
      if (!this.unreadable.has(place.path))
        this.logger.error({ ...failureFields(error), path: place.path }, 'owed posts cannot be read now');
      this.unreadable.set(place.path, this.attempts);
    } finally {
      this.reading = 0;
    }
    return true;
  }

  private oldestLeft(): StoredRecord | null {
    let oldest: StoredRecord | null = null;
    for (const { place } of this.left.values()) {
      if (this.unreadable.get(place.path) === this.attempts) continue;
      if (!oldest || this.options.store.isOlder(place, oldest)) oldest = place;
    }
    return oldest;
  }

  private leave(place: StoredRecord, count: number): void {
    const known = this.left.get(place.path);
    if (known) known.count += count;
    else this.left.set(place.path, { place, count });
  }

  private lose(kind: LegacyPostKind): void {
    if (this.lost === 0) this.logger.error({ kind }, 'owed records are lost: storage and the disk take none');
    this.lost += 1;
    this.options.onLost(kind);
  }
}

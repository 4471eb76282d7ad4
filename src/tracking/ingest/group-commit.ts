import { Logger } from '@nestjs/common';
import { type Clock, DomainError, runOutsideRequest, withTimeout } from '../../core/index.js';
import { storageUnavailable, translateStorageError } from '../../database/index.js';
import { AdaptiveQueueLimit, MAX_GROUP } from './adaptive-queue-limit.js';

/**
 * Every operation of a commit has its own time-out in the driver. This one is for the operation whose time-out fails:
 * later requests with the keys of this group wait for it.
 */
const GROUP_TIMEOUT_MS = 60_000;
/** While storage writes one group, this process prepares the next one. */
const MAX_GROUPS_AT_ONCE = 2;
/** A smaller group waits for the one before and grows: its fixed cost is higher than what the overlap saves. */
const MIN_OVERLAPPING_GROUP = 300;

/** An `AbortSignal` would cost 2 % of the time of a small group. */
export interface CommitLimit {
  /** The error that the requests got; null before. */
  readonly error: Error | null;
}

interface GroupCommitOptions<Item, Result> {
  /**
   * Makes one group durable.
   * @param limit is over when the time limit has passed; then the commit must have no further effect outside storage
   * @returns one result per item, in the order of `items`
   */
  readonly commit: (items: readonly Item[], limit: CommitLimit) => Promise<readonly Result[]>;
  /** Receives the items of a failed group: storage may have any of them. Called before their requests are rejected. */
  readonly onUnconfirmed: (items: readonly Item[]) => void;
  /** @param retryAfterMs time until the queue accepts items again, milliseconds */
  readonly overloadError: (retryAfterMs: number) => Error;
  readonly clock: Clock;
}

interface QueuedRequest<Item, Result> {
  /** null: a barrier. It resolves when all requests before it have ended. */
  readonly key: string | null;
  readonly items: readonly Item[];
  /** Epoch milliseconds. */
  readonly submittedAtMs: number;
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Commit<Item, Result> {
  readonly requests: readonly QueuedRequest<Item, Result>[];
  readonly items: readonly Item[];
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
}

/**
 * Group commit: the requests that arrive during one commit share the next one, so that under load the groups grow instead of
 * the latency. A large group starts while the one before is written. Requests with the same key keep their order and are never
 * in two groups at once. A request is rejected at once when the queue is full.
 */
export class GroupCommit<Item, Result> {
  private readonly logger = new Logger(GroupCommit.name);
  private readonly queueLimit = new AdaptiveQueueLimit();
  private readonly queue: QueuedRequest<Item, Result>[] = [];
  private queuedCount = 0;
  /** The keys of each group in progress. */
  private readonly groups = new Set<ReadonlySet<string | null>>();
  /** In the order of their starts. */
  private readonly commits = new Set<Commit<Item, Result>>();
  private isStarting = false;
  private endedAtMs = -Infinity;

  constructor(private readonly options: GroupCommitOptions<Item, Result>) {}

  /** How full the queue is, 0…1. */
  get pressure(): number {
    return this.queuedCount / this.queueLimit.limit;
  }

  /** Items that are not durable yet, those of the current commits included. */
  get waiting(): number {
    let count = this.queuedCount;
    for (const { items } of this.commits) count += items.length;
    return count;
  }

  /** Submission time of the oldest of them, epoch milliseconds; null when none waits. */
  get oldestWaitingMs(): number | null {
    return (this.oldestCommit?.requests[0] ?? this.queue[0])?.submittedAtMs ?? null;
  }

  /** Start of the oldest commit in progress, epoch milliseconds; null when none is. */
  get committingSinceMs(): number | null {
    return this.oldestCommit?.startedAtMs ?? null;
  }

  /**
   * Resolves when all items are durable.
   * @param key requests with the same key are committed in the order of their submission
   * @returns one result per item, in their order
   * @throws the overload error; storage/unavailable; what the commit of this request alone throws
   */
  submit(key: string, items: readonly Item[]): Promise<readonly Result[]> {
    if (items.length === 0) return Promise.resolve([]);
    if (this.queuedCount + items.length > this.queueLimit.limit) {
      return Promise.reject(this.options.overloadError(this.queueLimit.retryAfterMs(this.queuedCount)));
    }
    return this.enqueue(key, items);
  }

  /** Resolves when every request submitted before this call is resolved or rejected. */
  async waitForPending(): Promise<void> {
    if (this.groups.size > 0 || this.queue.length > 0) await this.enqueue(null, []).catch(() => undefined);
  }

  private get oldestCommit(): Commit<Item, Result> | undefined {
    const [oldest] = this.commits;
    return oldest;
  }

  private enqueue(key: string | null, items: readonly Item[]): Promise<readonly Result[]> {
    this.queuedCount += items.length;
    const submittedAtMs = this.options.clock.nowMs();
    return new Promise((resolve, reject) => {
      this.queue.push({ key, items, submittedAtMs, resolve, reject });
      if (this.isStarting || !this.mayStart) return;
      this.isStarting = true;
      // After this turn of the event loop, so that its other requests join the group.
      runOutsideRequest(() => setImmediate(() => this.startGroups()));
    });
  }

  private get mayStart(): boolean {
    const { size } = this.groups;
    return size === 0 || (size < MAX_GROUPS_AT_ONCE && this.queuedCount >= MIN_OVERLAPPING_GROUP);
  }

  private startGroups(): void {
    this.isStarting = false;
    while (this.queue.length > 0 && this.mayStart) {
      const group = this.takeGroup();
      // The next request waits for a group in progress.
      if (group.length === 0) return;
      const keys = new Set(group.map(({ key }) => key));
      this.groups.add(keys);
      void this.commitGroup(group).finally(() => {
        this.groups.delete(keys);
        this.startGroups();
      });
    }
  }

  /** @returns requests without a key of a group in progress; empty when the next one has such a key */
  private takeGroup(): QueuedRequest<Item, Result>[] {
    let count = 0;
    let end = 0;
    for (const { key, items } of this.queue) {
      if ((end > 0 && count + items.length > MAX_GROUP) || this.mustWait(key)) break;
      count += items.length;
      end += 1;
    }
    this.queuedCount -= count;
    return this.queue.splice(0, end);
  }

  private mustWait(key: string | null): boolean {
    if (key === null) return this.groups.size > 0;
    for (const keys of this.groups) if (keys.has(key)) return true;
    return false;
  }

  private takeAll(): QueuedRequest<Item, Result>[] {
    this.queuedCount = 0;
    return this.queue.splice(0);
  }

  private async commitGroup(group: readonly QueuedRequest<Item, Result>[]): Promise<void> {
    try {
      await this.commit(group);
    } catch (error) {
      if (isOutage(error)) this.reject([...group, ...this.takeAll()], error);
      else if (group.length === 1) this.reject(group, error);
      else await this.commitOneByOne(group);
    }
  }

  /** One request makes the group fail. Only that request is rejected. */
  private async commitOneByOne(group: readonly QueuedRequest<Item, Result>[]): Promise<void> {
    for (const [index, request] of group.entries()) {
      try {
        await this.commit([request]);
      } catch (error) {
        if (isOutage(error)) return this.reject([...group.slice(index), ...this.takeAll()], error);
        this.reject([request], error);
      }
    }
  }

  /** An outage rejects the whole queue: each request would wait for a time-out of its own to get the same error. */
  private reject(requests: readonly QueuedRequest<Item, Result>[], error: unknown): void {
    for (const request of requests) request.reject(error);
  }

  /** @throws what the commit threw; storage/unavailable after the time limit */
  private async commit(requests: readonly QueuedRequest<Item, Result>[]): Promise<void> {
    const items = requests.flatMap((request) => request.items);
    if (items.length === 0) return requests.forEach(({ resolve }) => resolve([]));
    const commit = { requests, items, startedAtMs: this.options.clock.nowMs() };
    this.commits.add(commit);
    try {
      const results = await this.commitWithTimeout(items);
      this.recordTime(commit);
      let start = 0;
      for (const request of requests) {
        request.resolve(results.slice(start, start + request.items.length));
        start += request.items.length;
      }
    } catch (error) {
      this.logger.warn({ err: error, items: items.length }, 'group commit failed');
      this.options.onUnconfirmed(items);
      throw error;
    } finally {
      this.commits.delete(commit);
    }
  }

  /** The time in which the commit before was in progress too counts for that one. */
  private recordTime({ items, startedAtMs }: Commit<Item, Result>): void {
    const nowMs = this.options.clock.nowMs();
    this.queueLimit.record(items.length, nowMs - Math.max(startedAtMs, Math.min(this.endedAtMs, nowMs)));
    this.endedAtMs = nowMs;
  }

  private commitWithTimeout(items: readonly Item[]): Promise<readonly Result[]> {
    const limit: { error: Error | null } = { error: null };
    return withTimeout(this.options.commit(items, limit), GROUP_TIMEOUT_MS, () => {
      limit.error = storageUnavailable(new Error(`not committed within ${GROUP_TIMEOUT_MS} ms`));
      return limit.error;
    });
  }
}

function isOutage(error: unknown): boolean {
  const known = error instanceof DomainError ? error : translateStorageError(error);
  return known?.code === 'storage/unavailable';
}

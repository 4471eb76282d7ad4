import { Logger } from '@nestjs/common';
import { type Clock, DomainError, runOutsideRequest, withTimeout } from '../../core/index.js';
import { storageUnavailable, translateStorageError } from '../../database/index.js';
import { AdaptiveQueueLimit, MAX_GROUP } from './adaptive-queue-limit.js';

/**
 * Every operation of a commit has its own time-out in the driver. This one is for the operation whose time-out fails:
 * the next group waits for this one.
 */
const GROUP_TIMEOUT_MS = 60_000;

interface GroupCommitOptions<Item, Result> {
  /**
   * Makes one group durable.
   * @param signal aborted when the time limit has passed; then the commit must have no further effect outside storage
   * @returns one result per item, in the order of `items`
   */
  readonly commit: (items: readonly Item[], signal: AbortSignal) => Promise<readonly Result[]>;
  /** Receives the items of a failed group: storage may have any of them. Called before their requests are rejected. */
  readonly onUnconfirmed: (items: readonly Item[]) => void;
  /** @param retryAfterMs time until the queue accepts items again, milliseconds */
  readonly overloadError: (retryAfterMs: number) => Error;
  readonly clock: Clock;
}

interface QueuedRequest<Item, Result> {
  readonly items: readonly Item[];
  /** Epoch milliseconds. */
  readonly submittedAtMs: number;
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: the requests that arrive during one commit share the next one. One commit at a time keeps the order, and
 * under load the groups grow instead of the latency. A request is rejected at once when the queue is full.
 */
export class GroupCommit<Item, Result> {
  private readonly logger = new Logger(GroupCommit.name);
  private readonly queueLimit = new AdaptiveQueueLimit();
  private readonly queue: QueuedRequest<Item, Result>[] = [];
  private queuedCount = 0;
  private running: Promise<void> | null = null;
  private committing: readonly QueuedRequest<Item, Result>[] = [];
  private committingCount = 0;
  private startedAtMs: number | null = null;

  constructor(private readonly options: GroupCommitOptions<Item, Result>) {}

  /** How full the queue is, 0…1. */
  get pressure(): number {
    return this.queuedCount / this.queueLimit.limit;
  }

  /** Items that are not durable yet, those of the current commit included. */
  get waiting(): number {
    return this.queuedCount + this.committingCount;
  }

  /** Submission time of the oldest of them, epoch milliseconds; null when none waits. */
  get oldestWaitingMs(): number | null {
    return (this.committing[0] ?? this.queue[0])?.submittedAtMs ?? null;
  }

  /** Start of the current commit, epoch milliseconds; null when none runs. */
  get committingSinceMs(): number | null {
    return this.startedAtMs;
  }

  /**
   * Resolves when all items are durable.
   * @returns one result per item, in their order
   * @throws the overload error; storage/unavailable; what the commit of this request alone throws
   */
  submit(items: readonly Item[]): Promise<readonly Result[]> {
    if (items.length === 0) return Promise.resolve([]);
    if (this.queuedCount + items.length > this.queueLimit.limit) {
      return Promise.reject(this.options.overloadError(this.queueLimit.retryAfterMs(this.queuedCount)));
    }
    this.queuedCount += items.length;
    const submittedAtMs = this.options.clock.nowMs();
    return new Promise((resolve, reject) => {
      this.queue.push({ items, submittedAtMs, resolve, reject });
      this.running ??= runOutsideRequest(() => this.run());
    });
  }

  /** Resolves when every request submitted before this call is resolved or rejected. */
  async waitForPending(): Promise<void> {
    if (!this.running) return;
    const submittedAtMs = this.options.clock.nowMs();
    await new Promise<unknown>((resolve) =>
      this.queue.push({ items: [], submittedAtMs, resolve, reject: resolve }),
    );
  }

  private async run(): Promise<void> {
    // Starts after this turn of the event loop, so that its other requests join the first group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.queue.length > 0) await this.commitGroup(this.takeGroup());
    this.running = null;
  }

  private takeGroup(): QueuedRequest<Item, Result>[] {
    let count = 0;
    let end = 0;
    while (
      end < this.queue.length &&
      (end === 0 || count + (this.queue[end]?.items.length ?? 0) <= MAX_GROUP)
    ) {
      count += this.queue[end]?.items.length ?? 0;
      end += 1;
    }
    this.queuedCount -= count;
    return this.queue.splice(0, end);
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
  private async commit(group: readonly QueuedRequest<Item, Result>[]): Promise<void> {
    const items = group.flatMap((request) => request.items);
    if (items.length === 0) return group.forEach(({ resolve }) => resolve([]));
    const startedAtMs = this.options.clock.nowMs();
    this.startedAtMs = startedAtMs;
    this.committing = group;
    this.committingCount = items.length;
    try {
      const results = await this.commitWithTimeout(items);
      this.queueLimit.record(items.length, this.options.clock.nowMs() - startedAtMs);
      let start = 0;
      for (const request of group) {
        request.resolve(results.slice(start, start + request.items.length));
        start += request.items.length;
      }
    } catch (error) {
      this.logger.warn({ err: error, items: items.length }, 'group commit failed');
      this.options.onUnconfirmed(items);
      throw error;
    } finally {
      this.startedAtMs = null;
      this.committing = [];
      this.committingCount = 0;
    }
  }

  private commitWithTimeout(items: readonly Item[]): Promise<readonly Result[]> {
    const timeLimit = new AbortController();
    return withTimeout(this.options.commit(items, timeLimit.signal), GROUP_TIMEOUT_MS, () => {
      const error = storageUnavailable(new Error(`not committed within ${GROUP_TIMEOUT_MS} ms`));
      timeLimit.abort(error);
      return error;
    });
  }
}

function isOutage(error: unknown): boolean {
  const known = error instanceof DomainError ? error : translateStorageError(error);
  return known?.code === 'storage/unavailable';
}

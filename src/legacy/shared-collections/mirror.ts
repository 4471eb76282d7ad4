import { setTimeout as sleep } from 'node:timers/promises';
import type { BackgroundJob, BackgroundJobs, Clock, EventBus } from '../../core/index.js';
import type { CursorsRepository } from '../../database/index.js';

/** Items that arrive within this time share one write. */
const COALESCE_MS = 250;
const RETRY_MS = 1_000;
/** Items of one write. */
const MAX_GROUP = 1_000;
/** Items in memory. Above it they are dropped and read from storage later. */
const MAX_WAITING = 20_000;
const CATCH_UP_EVERY_MS = 30_000;
/**
 * Look-back of the first start on a database: longer than a start takes, so that no item recorded during it is missed.
 */
const INITIAL_LOOKBACK_MS = 60_000;
const SHUTDOWN_GRACE_MS = 3_000;

/** One kind of stored item that is written a second time, into collections of the old server. */
export interface MirrorSource<T> {
  /** Names the cursor in storage and labels the metrics. */
  readonly name: string;
  /** Longest time from the moment that an item is listed by until it is readable, milliseconds. */
  readonly settlesWithinMs: number;
  /** Passes each item that this instance has stored to `offer`. */
  subscribe(bus: EventBus, offer: (items: readonly T[]) => void): void;
  /** All stored items from a moment on, in pages. */
  since(fromMs: number): AsyncIterable<readonly T[]>;
  /** Idempotent. Leaves out the items that this service may not write. @returns the number of documents written */
  write(items: readonly T[]): Promise<number>;
  /** Whether this service must write any of the items later. Writes nothing. */
  hasUnwritten(items: readonly T[]): Promise<boolean>;
}

/** See `LegacyRoles`. */
export interface WriterRole {
  /** false: the old server writes the collections. */
  readonly isWriter: boolean;
  readonly epoch: number | undefined;
}

/**
 * Writes stored items a second time, in the background. Each instance writes the items that it has stored, in groups. Every
 * 30 s one instance catches up for all: it reads all items since a stored cursor. It finds what was offered to a process
 * that ended, what did not fit into memory, and what a database in trouble stored late. The cursor never passes a moment
 * under which an item can still appear, so no item is missed. An item that is in its place already is not written again.
 *
 * While the old server writes the collections, nothing is written. Items that it has got too are passed over; the cursor stops
 * at the first item that only this service has and that is not in its place, until this service writes again.
 */
export class Mirror<T> {
  private waiting: { readonly item: T; readonly sinceMs: number }[] = [];
  /** Items from this moment on may be neither written nor in memory; null: there are none. */
  private behindSinceMs: number | null;
  private job: BackgroundJob | null = null;
  private catchUpJob: BackgroundJob | null = null;
  private readonly failing = new Set<'write' | 'catch-up'>();
  /** How often the items in memory were dropped. */
  private drops = 0;
  written = 0;

  constructor(
    private readonly source: MirrorSource<T>,
    private readonly cursors: CursorsRepository,
    private readonly clock: Clock,
    private readonly role: WriterRole,
    bus: EventBus,
  ) {
    this.behindSinceMs = clock.nowMs();
    source.subscribe(bus, (items) => this.offer(items));
    bus.subscribe('legacy-roles.adopted', () => this.catchUpJob?.trigger());
  }

  get name(): string {
    return this.source.name;
  }

  /** Age of the oldest item that is not written yet, milliseconds; 0 without one. */
  get lagMs(): number {
    const nowMs = this.clock.nowMs();
    const oldestMs = Math.min(this.behindSinceMs ?? Infinity, this.waiting[0]?.sinceMs ?? Infinity);
    return oldestMs === Infinity ? 0 : Math.max(0, nowMs - oldestMs);
  }

  /** The last write failed and is being retried. */
  get isFailing(): boolean {
    return this.failing.size > 0;
  }

  /** Creates the cursor. Must run before the service accepts items. @throws storage's errors */
  async ensureCursor(): Promise<void> {
    const at = await this.cursors.getOrCreate(this.name, new Date(this.clock.nowMs() - INITIAL_LOOKBACK_MS));
    this.behindSinceMs = Math.min(this.behindSinceMs ?? Infinity, at.getTime() + this.source.settlesWithinMs);
  }

  start(jobs: BackgroundJobs): void {
    this.job = jobs.start({
      name: `mirror-${this.name}`,
      intervalMs: COALESCE_MS,
      retryMs: RETRY_MS,
      jitter: 0,
      runsAtStart: true,
      shutdownTimeoutMs: SHUTDOWN_GRACE_MS,
      run: () => this.noteFailure('write', this.writeWaiting()),
    });
    this.catchUpJob = jobs.start({
      name: `mirror-${this.name}-catch-up`,
      intervalMs: CATCH_UP_EVERY_MS,
      retryMs: RETRY_MS,
      lock: { name: `mirror-${this.name}` },
      run: (signal) => this.noteFailure('catch-up', this.catchUp(signal)),
    });
    // This process may replace one that was killed before it wrote its items.
    this.catchUpJob.trigger();
  }

  /** Writes the waiting items within this time. The next start reads the rest from storage. */
  async stop(withinMs = SHUTDOWN_GRACE_MS): Promise<void> {
    if (!this.job) return;
    const writing = Promise.all([this.job.stop(), this.catchUpJob?.stop()])
      .then(() => this.writeWaiting())
      .catch(() => undefined);
    await Promise.race([writing, sleep(withinMs, undefined, { ref: false })]);
  }

  /** Before the start, items are dropped: the first catch-up reads them from storage. */
  private offer(items: readonly T[]): void {
    if (!this.job) return;
    const nowMs = this.clock.nowMs();
    for (const item of items) this.waiting.push({ item, sinceMs: nowMs });
    if (this.waiting.length <= MAX_WAITING) return;
    this.behindSinceMs ??= this.waiting[0]?.sinceMs ?? nowMs;
    this.waiting = [];
    this.drops += 1;
    this.catchUpJob?.trigger();
  }

  private async noteFailure(part: 'write' | 'catch-up', work: Promise<void>): Promise<void> {
    try {
      await work;
      this.failing.delete(part);
    } catch (error) {
      this.failing.add(part);
      throw error;
    }
  }

  private async writeWaiting(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.waiting.slice(0, MAX_GROUP);
      this.written += await this.source.write(group.map(({ item }) => item));
      // The queue may have been dropped during the write.
      if (this.waiting[0] === group[0]) this.waiting.splice(0, group.length);
    }
  }

  private async catchUp(signal: AbortSignal): Promise<void> {
    const beganMs = this.clock.nowMs();
    const { drops } = this;
    const { epoch } = this.role;
    const from = await this.cursors.getOrCreate(this.name, new Date(beganMs - INITIAL_LOOKBACK_MS));
    for await (const page of this.source.since(from.getTime())) {
      if (signal.aborted) return;
      if (!this.role.isWriter && (await this.source.hasUnwritten(page))) {
        // It waits for this service to write again, which is no lag.
        this.behindSinceMs = null;
        return;
      }
      for (let start = 0; start < page.length; start += MAX_GROUP) {
        this.written += await this.source.write(page.slice(start, start + MAX_GROUP));
      }
    }
    // A page may have been read in one role and passed over in the other.
    if (this.role.epoch !== epoch) return;
    // Items that were dropped during the catch-up may lie before the page it had reached.
    if (this.drops === drops) this.behindSinceMs = null;
    await this.cursors.advance(this.name, new Date(beganMs - this.source.settlesWithinMs));
  }
}

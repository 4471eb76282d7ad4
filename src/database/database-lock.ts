import { setTimeout as sleep } from 'node:timers/promises';

/** Renewals that may fail in a row before it is given up for lost. */
const RENEWALS_PER_LEASE = 6;

/** Whoever holds a lock, as its document knows them. */
export interface LockHolder {
  readonly owner: string;
  /** Counts the owners, ever: what is written by an earlier one finds another number in storage. */
  readonly epoch: number;
}

/** Where the lock is kept. */
export interface LockStore {
  /** False when the lock is not this holder's any more. */
  renew(holder: LockHolder, lockMs: number): Promise<boolean>;
  /** Does nothing when another has taken over. */
  release(holder: LockHolder): Promise<void>;
}

/**
 * A lock in the database, held: renewed in the background, and lost the moment that a renewal misses or comes too late
 * by this process's monotonic clock. The database's clock says when others may take over; ours only ever gives up
 * earlier, since it starts to count before the database is asked.
 */
export class DatabaseLock {
  private readonly lostController = new AbortController();
  private readonly released = new AbortController();
  private deadline: NodeJS.Timeout | undefined;
  private readonly renewal: Promise<void>;

  /** @param goodUntilMs by `performance.now()`, read before the database was asked */
  constructor(
    private readonly store: LockStore,
    protected readonly holder: LockHolder,
    private readonly lockMs: number,
    private goodUntilMs: number,
    private readonly lostError: (reason: string) => Error,
  ) {
    this.armDeadline();
    this.renewal = this.renewPeriodically();
  }

  get owner(): string {
    return this.holder.owner;
  }

  get epoch(): number {
    return this.holder.epoch;
  }

  /** Aborted with the reason when the lock is lost. */
  get signal(): AbortSignal {
    return this.lostController.signal;
  }

  /** @throws the reason, also when the timer that should have said so was asleep with the process */
  assertHeld(): void {
    if (performance.now() >= this.goodUntilMs) this.lose('not renewed in time');
    this.signal.throwIfAborted();
  }

  /** Lets go; a lock that was lost is its next owner's and stays as it is. */
  async release(): Promise<void> {
    this.released.abort();
    clearTimeout(this.deadline);
    await this.renewal;
    if (!this.signal.aborted) await this.store.release(this.holder);
  }

  protected lose(reason: string): void {
    this.lostController.abort(this.lostError(reason));
  }

  private async renewPeriodically(): Promise<void> {
    const ended = AbortSignal.any([this.signal, this.released.signal]);
    for (;;) {
      await sleep(this.lockMs / RENEWALS_PER_LEASE, undefined, { signal: ended }).catch(() => undefined);
      if (ended.aborted) return;
      const goodUntilMs = performance.now() + this.lockMs;
      // An outage may end in time; if it does not, the deadline knows.
      const isHeld = await this.store.renew(this.holder, this.lockMs).catch(() => null);
      if (isHeld === false) this.lose('another has taken over');
      if (isHeld) this.goodUntilMs = goodUntilMs;
      if (isHeld) this.armDeadline();
    }
  }

  private armDeadline(): void {
    clearTimeout(this.deadline);
    if (this.released.signal.aborted) return;
    const leftMs = Math.max(0, this.goodUntilMs - performance.now());
    this.deadline = setTimeout(() => this.lose('not renewed in time'), leftMs);
  }
}

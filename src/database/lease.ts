import { setTimeout as sleep } from 'node:timers/promises';

/** Renewals that may fail in a row before it is given up for lost. */
const RENEWALS_IN_A_LOCK = 6;

/** Whoever holds a lock, as its document knows them. */
export interface Holder {
  readonly owner: string;
  /** Counts the owners, ever: what is written by an earlier one finds another number in storage. */
  readonly epoch: number;
}

/** Where the lock is kept. */
export interface LeaseKeeper {
  /** False when the lock is not this holder's any more. */
  renew(holder: Holder, lockMs: number): Promise<boolean>;
  /** Does nothing when another has taken over. */
  release(holder: Holder): Promise<void>;
}

/**
 * A lock in the database, held: renewed in the background, and lost the moment that a renewal misses or comes too late
 * by this process's monotonic clock. The database's clock says when others may take over; ours only ever gives up
 * earlier, since it starts to count before the database is asked.
 */
export class Lease {
  private readonly loss = new AbortController();
  private readonly rest = new AbortController();
  private deadline: NodeJS.Timeout | undefined;
  private readonly heart: Promise<void>;

  /** @param goodUntilMs by `performance.now()`, read before the database was asked */
  constructor(
    private readonly keeper: LeaseKeeper,
    protected readonly holder: Holder,
    private readonly lockMs: number,
    private goodUntilMs: number,
    private readonly lostError: (reason: string) => Error,
  ) {
    this.watch();
    this.heart = this.beat();
  }

  get owner(): string {
    return this.holder.owner;
  }

  get epoch(): number {
    return this.holder.epoch;
  }

  /** Aborted with the reason when the lock is lost. */
  get signal(): AbortSignal {
    return this.loss.signal;
  }

  /** @throws the reason, also when the timer that should have said so was asleep with the process */
  assertHeld(): void {
    if (performance.now() >= this.goodUntilMs) this.lose('not renewed in time');
    this.signal.throwIfAborted();
  }

  /** Lets go; a lock that was lost is its next owner's and stays as it is. */
  async release(): Promise<void> {
    this.rest.abort();
    clearTimeout(this.deadline);
    await this.heart;
    if (!this.signal.aborted) await this.keeper.release(this.holder);
  }

  protected lose(reason: string): void {
    this.loss.abort(this.lostError(reason));
  }

  private async beat(): Promise<void> {
    const ended = AbortSignal.any([this.signal, this.rest.signal]);
    for (;;) {
      await sleep(this.lockMs / RENEWALS_IN_A_LOCK, undefined, { signal: ended }).catch(() => undefined);
      if (ended.aborted) return;
      const goodUntilMs = performance.now() + this.lockMs;
      // An outage may end in time; if it does not, the deadline knows.
      const isHeld = await this.keeper.renew(this.holder, this.lockMs).catch(() => null);
      if (isHeld === false) this.lose('another has taken over');
      if (isHeld) this.goodUntilMs = goodUntilMs;
      if (isHeld) this.watch();
    }
  }

  private watch(): void {
    clearTimeout(this.deadline);
    if (this.rest.signal.aborted) return;
    const leftMs = Math.max(0, this.goodUntilMs - performance.now());
    this.deadline = setTimeout(() => this.lose('not renewed in time'), leftMs);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { SchemaLockLostError } from './schema-errors.js';
import type { SchemaState } from './schema-state.js';
import type { Holder, SchemaStateRepository } from './schema-state.repository.js';

/** Renewals that may fail in a row before the lock is given up for lost. */
const RENEWALS_IN_A_LOCK = 6;

/**
 * The lock on the schema, held: renewed in the background, and lost the moment that a renewal misses or comes too late
 * by this process's monotonic clock. The database's clock says when others may take over; ours only ever gives up
 * earlier, since it starts to count before the database is asked.
 */
export class SchemaLease {
  private readonly loss = new AbortController();
  private readonly rest = new AbortController();
  private deadline: NodeJS.Timeout | undefined;
  private readonly heart: Promise<void>;

  private constructor(
    private readonly repository: SchemaStateRepository,
    private readonly holder: Holder,
    private readonly lockMs: number,
    private goodUntilMs: number,
  ) {
    this.watch();
    this.heart = this.beat();
  }

  /** Null while another holds the lock, or was faster. */
  static async acquire(
    repository: SchemaStateRepository,
    owner: string,
    lockMs: number,
  ): Promise<{ lease: SchemaLease; state: SchemaState } | null> {
    const goodUntilMs = performance.now() + lockMs;
    const state = await repository.acquire(owner, lockMs);
    if (!state) return null;
    const holder = { owner, epoch: state.epoch };
    return { lease: new SchemaLease(repository, holder, lockMs, goodUntilMs), state };
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

  /** @throws SchemaLockLostError also when the timer that should have said so was asleep with the process */
  assertHeld(): void {
    if (performance.now() >= this.goodUntilMs) this.lose('not renewed in time');
    this.signal.throwIfAborted();
  }

  /**
   * Writes into the state, if the lock is still held at that moment.
   * @param change made for the database's time
   * @throws SchemaLockLostError nothing was written
   */
  async record(change: (now: Date) => Partial<SchemaState>): Promise<void> {
    this.assertHeld();
    if (!(await this.repository.change(this.holder, change))) this.lose('another has taken over');
    this.signal.throwIfAborted();
  }

  /** Lets go; a lock that was lost is its next owner's and stays as it is. */
  async release(): Promise<void> {
    this.rest.abort();
    clearTimeout(this.deadline);
    await this.heart;
    if (!this.signal.aborted) await this.repository.release(this.holder);
  }

  private async beat(): Promise<void> {
    const ended = AbortSignal.any([this.signal, this.rest.signal]);
    for (;;) {
      await sleep(this.lockMs / RENEWALS_IN_A_LOCK, undefined, { signal: ended }).catch(() => undefined);
      if (ended.aborted) return;
      const goodUntilMs = performance.now() + this.lockMs;
      // An outage may end in time; if it does not, the deadline knows.
      const isHeld = await this.repository.renew(this.holder, this.lockMs).catch(() => null);
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

  private lose(reason: string): void {
    this.loss.abort(new SchemaLockLostError(reason));
  }
}

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { pause } from '../core/index.js';
import type { AcquiredDocument, LockDocument, LockHolder, LockRepository } from './lock.repository.js';

/** Renewals that may fail in a row before the lock is lost. */
const RENEWALS_PER_LEASE = 6;

export class LockLostError extends Error {
  constructor(name: string, reason: string) {
    super(`lock "${name}" is lost: ${reason}`);
    this.name = 'LockLostError';
  }
}

/** Unique among all processes that ever acquire a lock; host and process id help to find the holder. */
export function createLockOwner(): string {
  return `${hostname()}:${process.pid}:${randomBytes(6).toString('hex')}`;
}

/**
 * A lock that this process holds, renewed in the background. The lock is lost when a renewal is refused, or when no
 * renewal succeeds within the lease by this process's monotonic clock; a renewal that fails in an outage is repeated.
 * The database's clock decides when another process may take over. This process gives up earlier, because it counts the
 * lease from before its request to the database.
 */
export class DatabaseLock<D extends LockDocument = LockDocument> {
  private readonly lostController = new AbortController();
  private readonly released = new AbortController();
  private readonly holder: LockHolder;
  /** The lock document as this holder found it. */
  readonly document: D;
  private goodUntilMs: number;
  private deadline: NodeJS.Timeout | undefined;
  private readonly renewal: Promise<void>;

  constructor(
    private readonly repository: LockRepository<D>,
    acquired: AcquiredDocument<D>,
    owner: string,
    private readonly leaseMs: number,
    private readonly lostError: (reason: string) => Error,
  ) {
    this.document = acquired.document;
    this.goodUntilMs = acquired.goodUntilMs;
    this.holder = { owner, epoch: acquired.document.epoch };
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

  /** @throws the reason when the lock is lost, also when the process was suspended past the deadline */
  assertHeld(): void {
    if (performance.now() >= this.goodUntilMs) this.lose('not renewed in time');
    this.signal.throwIfAborted();
  }

  /**
   * Writes into the lock document if this process still holds the lock at that moment.
   * @param change the fields to set, from the database's time
   * @throws the reason when the lock is lost; nothing was written then
   */
  async update(change: (now: Date) => Partial<D>): Promise<void> {
    this.assertHeld();
    if (!(await this.repository.update(this.holder, change))) this.lose('another has taken over');
    this.signal.throwIfAborted();
  }

  /** Frees the lock. A lock that was lost belongs to its next holder and stays as it is. */
  async release(): Promise<void> {
    await this.free();
  }

  protected async free(change?: (freedAt: Date) => Partial<D>): Promise<void> {
    this.released.abort();
    clearTimeout(this.deadline);
    await this.renewal;
    if (!this.signal.aborted) await this.repository.release(this.holder, change);
  }

  private lose(reason: string): void {
    this.lostController.abort(this.lostError(reason));
  }

  private async renewPeriodically(): Promise<void> {
    const ended = AbortSignal.any([this.signal, this.released.signal]);
    for (;;) {
      await pause(this.leaseMs / RENEWALS_PER_LEASE, ended);
      if (ended.aborted) return;
      const goodUntilMs = performance.now() + this.leaseMs;
      // An outage may end within the lease; if it does not, the deadline ends the lock.
      const isHeld = await this.repository.renew(this.holder, this.leaseMs).catch(() => null);
      if (isHeld === false) this.lose('another has taken over');
      if (isHeld) {
        this.goodUntilMs = goodUntilMs;
        this.armDeadline();
      }
    }
  }

  private armDeadline(): void {
    clearTimeout(this.deadline);
    if (this.released.signal.aborted) return;
    const leftMs = Math.max(0, this.goodUntilMs - performance.now());
    this.deadline = setTimeout(() => this.lose('not renewed in time'), leftMs);
  }
}

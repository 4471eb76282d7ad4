/**
 * A lock held by this process, for work that one instance does at a time. The clock of the database decides when another
 * instance can take over.
 */
export interface HeldLock {
  /** Identifies the holder in storage: `host:pid:random`. */
  readonly owner: string;
  /** Fencing token: each holder has a higher one. A late write of an earlier holder does not match the epoch in storage. */
  readonly epoch: number;
  /** Aborted with the reason when the lock is lost. */
  readonly signal: AbortSignal;
  /** Start of the period in which the lock is held, by any holder, with gaps of at most `maxGapMs`; clock of the database. */
  readonly heldSince: Date;
  /** @throws the reason when the lock is lost, also when the timer behind `signal` is late */
  assertHeld(): void;
  /**
   * Frees the lock for the next instance. Has no effect on a lock that is lost.
   * @param isComplete the work is done: the lock remembers the time, see `AcquireOptions.minPauseMs`
   */
  release(isComplete?: boolean): Promise<void>;
}

export interface LockOptions {
  /** Name of the work; the same in every release. */
  readonly name: string;
  /** Time after which another instance can take over when this one is killed, milliseconds. */
  readonly leaseMs: number;
  /** Longest gap between two holders that does not reset `heldSince`, milliseconds. Default 0. */
  readonly maxGapMs?: number;
}

export interface AcquireOptions extends LockOptions {
  /** Shortest time from the end of the last complete work, by any holder, to the next, milliseconds. Default 0. */
  readonly minPauseMs?: number;
}

export interface LockAttempt {
  /** null: another instance holds it, or the last complete work ended less than `minPauseMs` ago. */
  readonly lock: HeldLock | null;
  /** Without the lock: time until the lease of its holder or `minPauseMs` ends, milliseconds. With it: 0. */
  readonly retryInMs: number;
  /** End of the last complete work by any holder, clock of the database; null: there is none. */
  readonly completedAt: Date | null;
}

/** Provided by `database/`; the core defines only the interface. */
export interface LockProvider {
  /** @throws storage/unavailable */
  acquire(options: AcquireOptions): Promise<LockAttempt>;
}

export const LOCK_PROVIDER = Symbol('LOCK_PROVIDER');

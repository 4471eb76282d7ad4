/**
 * A lock that this process holds: work that one instance of the fleet does at a time. The database's clock decides when
 * another instance may take over (`database/lock`).
 */
export interface HeldLock {
  /** Identifies the holder in storage: `host:pid:random`. */
  readonly owner: string;
  /** Fencing token: grows with every holder. What an earlier holder writes finds another epoch in storage. */
  readonly epoch: number;
  /** Aborted with the reason when the lock is lost. */
  readonly signal: AbortSignal;
  /** The lock has been held since then, apart from gaps of at most `maxGapMs`; by the database's clock. */
  readonly heldSince: Date;
  /** @throws the reason when the lock is lost, also before `signal` could say so */
  assertHeld(): void;
  /** Gives the lock to whoever asks next. A lock that was lost stays with its next holder. */
  release(): Promise<void>;
}

export interface LockOptions {
  /** Names the work; the same in every release. */
  readonly name: string;
  /** After a kill another instance may take over so much later, milliseconds. */
  readonly leaseMs: number;
  /** A takeover after a longer gap resets `heldSince`, milliseconds. Default 0. */
  readonly maxGapMs?: number;
}

/** Provided by the database; the core only knows that there is one. */
export interface LockProvider {
  /** null while another instance holds it. @throws storage/unavailable */
  acquire(options: LockOptions): Promise<HeldLock | null>;
}

export const LOCK_PROVIDER = Symbol('LOCK_PROVIDER');

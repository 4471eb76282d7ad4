import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import type { AcquireOptions, HeldLock, LockAttempt, LockProvider } from '../core/index.js';
import { createLockOwner, DatabaseLock, LockLostError } from './database-lock.js';
import { type LockDocument, LockRepository } from './lock.repository.js';

/** A document of `leases`; `_id` is the name of the lock. */
interface LeaseDocument extends LockDocument {
  /** Start of the time in which the lock was never free for longer than the allowed gap. */
  readonly unbrokenSince: Date;
  /** End of the last complete work. Absent before the first, and in documents of earlier releases. */
  readonly completedAt?: Date;
}

class Lease extends DatabaseLock<LeaseDocument> implements HeldLock {
  get heldSince(): Date {
    return this.document.unbrokenSince;
  }

  override async release(isComplete = false): Promise<void> {
    await this.free((freedAt) => (isComplete ? { completedAt: freedAt } : {}));
  }
}

/** Locks by name in the collection `leases`: work that one instance of the fleet does at a time. */
@Injectable()
export class LocksService implements LockProvider {
  private readonly owner = createLockOwner();

  constructor(@InjectConnection() private readonly connection: Connection) {}

  async acquire({ name, leaseMs, maxGapMs = 0, minPauseMs = 0 }: AcquireOptions): Promise<LockAttempt> {
    const never = new Date(0);
    const repository = new LockRepository<LeaseDocument>(this.connection, {
      collection: 'leases',
      initial: { _id: name, owner: null, epoch: 0, lockedUntil: never, unbrokenSince: never },
      // The gap to the next holder counts from the release.
      freedAt: 'now',
    });
    const view = await repository.look();
    const { lockedUntil, completedAt = null } = view.document;
    const nowMs = view.now.getTime();
    // A time in the future is from before a correction of the database's clock.
    const completedMs = Math.min(completedAt?.getTime() ?? -Infinity, nowMs);
    const retryInMs = Math.max(lockedUntil.getTime(), completedMs + minPauseMs) - nowMs;
    if (retryInMs > 0) return { lock: null, retryInMs, completedAt };
    const acquired = await repository.acquire(
      this.owner,
      leaseMs,
      (seen, now) => ({
        unbrokenSince: now.getTime() - seen.lockedUntil.getTime() > maxGapMs ? now : seen.unbrokenSince,
      }),
      view,
    );
    // Another instance was faster.
    if (!acquired) return { lock: null, retryInMs: leaseMs, completedAt };
    const lostError = (reason: string): Error => new LockLostError(name, reason);
    const lock = new Lease(repository, acquired, this.owner, leaseMs, lostError);
    return { lock, retryInMs: 0, completedAt };
  }
}

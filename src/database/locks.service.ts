import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import type { HeldLock, LockOptions, LockProvider } from '../core/index.js';
import { createLockOwner, DatabaseLock, LockLostError } from './database-lock.js';
import { type LockDocument, LockRepository } from './lock.repository.js';

/** A document of `leases`; `_id` is the name of the lock. */
interface LeaseDocument extends LockDocument {
  /** Start of the time in which the lock was never free for longer than the allowed gap. */
  readonly unbrokenSince: Date;
}

class Lease extends DatabaseLock<LeaseDocument> implements HeldLock {
  get heldSince(): Date {
    return this.document.unbrokenSince;
  }
}

/** Locks by name in the collection `leases`: work that one instance of the fleet does at a time. */
@Injectable()
export class LocksService implements LockProvider {
  private readonly owner = createLockOwner();

  constructor(@InjectConnection() private readonly connection: Connection) {}

  async acquire({ name, leaseMs, maxGapMs = 0 }: LockOptions): Promise<Lease | null> {
    const never = new Date(0);
    const repository = new LockRepository<LeaseDocument>(this.connection, {
      collection: 'leases',
      initial: { _id: name, owner: null, epoch: 0, lockedUntil: never, unbrokenSince: never },
      // The gap to the next holder counts from the release.
      freedAt: 'now',
    });
    const acquired = await repository.acquire(this.owner, leaseMs, (seen, now) => ({
      unbrokenSince: now.getTime() - seen.lockedUntil.getTime() > maxGapMs ? now : seen.unbrokenSince,
    }));
    if (!acquired) return null;
    return new Lease(repository, acquired, this.owner, leaseMs, (reason) => new LockLostError(name, reason));
  }
}

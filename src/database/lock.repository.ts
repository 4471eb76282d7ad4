import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { readDatabaseTime } from './database-time.js';
import { type LockHolder, DatabaseLock } from './database-lock.js';
import { createLockOwner } from './lock-owner.js';
import { duplicateKeyField, storageUnavailable } from './storage-errors.js';

interface LockDocument {
  /** Of the work that one instance of all does. */
  readonly _id: string;
  readonly owner: string | null;
  readonly epoch: number;
  /** Held until then, unless its owner puts it off. Let go of: since then. */
  readonly lockedUntil: Date;
  readonly unbrokenSince: Date;
}

export interface AcquiredLock {
  readonly lease: DatabaseLock;
  /** Somebody has held it ever since, but for gaps that were allowed; by the database's clock. */
  readonly unbrokenSince: Date;
}

export class LockLostError extends Error {
  constructor(name: string, reason: string) {
    super(`the lease on ${name} is lost: ${reason}`);
    this.name = 'LockLostError';
  }
}

/** `leases`: work that one instance of the fleet does at a time. All times are the database's. */
@Injectable()
export class LockRepository {
  private readonly owner = createLockOwner();

  constructor(@InjectConnection() private readonly connection: Connection) {}

  /**
   * Null while another holds it, or was faster.
   * @param gapMs a takeover that comes so late at most breaks nothing
   */
  async acquire(name: string, lockMs: number, gapMs: number): Promise<AcquiredLock | null> {
    const goodUntilMs = performance.now() + lockMs;
    const seen = await this.findOrCreate(name);
    const now = await readDatabaseTime(this.connection);
    if (seen.lockedUntil > now) return null;
    const isBroken = now.getTime() - seen.lockedUntil.getTime() > gapMs;
    const taken = {
      owner: this.owner,
      epoch: seen.epoch + 1,
      lockedUntil: new Date(now.getTime() + lockMs),
      unbrokenSince: isBroken ? now : seen.unbrokenSince,
    };
    const asSeen = { _id: name, epoch: seen.epoch, lockedUntil: { $lte: now } };
    const { matchedCount } = await this.collection.updateOne(asSeen, { $set: taken });
    if (matchedCount === 0) return null;
    const store = {
      renew: (holder: LockHolder, forMs: number) => this.renew(name, holder, forMs),
      release: (holder: LockHolder) => this.release(name, holder),
    };
    const lost = (reason: string): Error => new LockLostError(name, reason);
    return {
      lease: new DatabaseLock(store, taken, lockMs, goodUntilMs, lost),
      unbrokenSince: taken.unbrokenSince,
    };
  }

  private async renew(name: string, { owner, epoch }: LockHolder, lockMs: number): Promise<boolean> {
    const now = await readDatabaseTime(this.connection);
    const held = { _id: name, owner, epoch, lockedUntil: { $gt: now } };
    const $set = { lockedUntil: new Date(now.getTime() + lockMs) };
    return (await this.collection.updateOne(held, { $set })).matchedCount === 1;
  }

  private async release(name: string, { owner, epoch }: LockHolder): Promise<void> {
    const lockedUntil = await readDatabaseTime(this.connection);
    await this.collection.updateOne({ _id: name, owner, epoch }, { $set: { owner: null, lockedUntil } });
  }

  private async findOrCreate(name: string): Promise<LockDocument> {
    const found = await this.collection.findOne({ _id: name });
    if (found) return found;
    const never = new Date(0);
    const made = { _id: name, owner: null, epoch: 0, lockedUntil: never, unbrokenSince: never };
    try {
      await this.collection.insertOne(made);
    } catch (error) {
      // Somebody made it at the same moment: theirs is as good.
      if (duplicateKeyField(error) !== '_id') throw error;
    }
    return (await this.collection.findOne({ _id: name })) ?? made;
  }

  private get collection(): mongo.Collection<LockDocument> {
    if (!this.connection.db) throw storageUnavailable();
    return this.connection.db.collection<LockDocument>('leases');
  }
}

import type { Connection, mongo } from 'mongoose';
import { collectionOf } from './collection-of.js';
import { readDatabaseTime } from './database-time.js';
import { duplicateKeyField } from './storage-errors.js';

/** The lock fields of a document. All times are the database's. */
export interface LockDocument {
  readonly _id: string;
  /** `host:pid:random`; null while the lock is free. A holder that crashed stays here until the next one takes over. */
  readonly owner: string | null;
  /** Fencing token: grows by one with every holder. */
  readonly epoch: number;
  /** The lock is held until then. A free lock has the time of its release or 1970, see `LockPlace.freedAt`. */
  readonly lockedUntil: Date;
}

/** A holder as the lock document records it. */
export interface LockHolder {
  readonly owner: string;
  readonly epoch: number;
}

interface LockPlace<D extends LockDocument> {
  readonly collection: string;
  /** The document before the first holder: epoch 0, no owner, locked until 1970. */
  readonly initial: D;
  /** The value that a release writes into `lockedUntil`. */
  readonly freedAt: 'now' | '1970';
}

/** A lock document with the time at which it was read. */
export interface LockView<D extends LockDocument> {
  readonly document: D;
  readonly now: Date;
  /** `performance.now()` before the first request of the reading. */
  readonly beganMs: number;
}

/** What `LockRepository.acquire` gives to the new holder. */
export interface AcquiredDocument<D extends LockDocument> {
  /** As written with the new epoch. */
  readonly document: D;
  /** End of the lease by `performance.now()` of this process. */
  readonly goodUntilMs: number;
}

/**
 * One lock in one document. Every write is a compare-and-set on owner, epoch and lease, so that a document can hold
 * other fields that only the holder may change. All methods throw storage/unavailable or the driver's errors in an
 * outage.
 */
export class LockRepository<D extends LockDocument> {
  constructor(
    private readonly connection: Connection,
    private readonly place: LockPlace<D>,
  ) {}

  async find(): Promise<D> {
    return ((await this.collection.findOne({ _id: this.id })) as D | null) ?? this.place.initial;
  }

  /** Reads the document, which is created when it does not exist. */
  async look(): Promise<LockView<D>> {
    const beganMs = performance.now();
    const document = await this.findOrCreate();
    return { document, now: await readDatabaseTime(this.connection), beganMs };
  }

  /**
   * @param leaseMs the lease ends after this time unless `renew` prolongs it
   * @param change further fields to set in the same write, from the document before it and the database's time
   * @param view the document; default: it is read now
   * @returns null when another process holds the lock or acquired it since the view
   */
  async acquire(
    owner: string,
    leaseMs: number,
    change: (seen: D, now: Date) => Partial<D> = () => ({}),
    view?: LockView<D>,
  ): Promise<AcquiredDocument<D> | null> {
    const { document: seen, now, beganMs } = view ?? (await this.look());
    if (seen.lockedUntil > now) return null;
    const taken = { owner, epoch: seen.epoch + 1, lockedUntil: after(now, leaseMs), ...change(seen, now) };
    const document = (await this.collection.findOneAndUpdate(
      { _id: this.id, epoch: seen.epoch, lockedUntil: { $lte: now } },
      { $set: taken },
      { returnDocument: 'after' },
    )) as D | null;
    // This process must give up before another may take over: the lease counts from before the reading of the time.
    return document && { document, goodUntilMs: beganMs + leaseMs };
  }

  /** @returns false when the lock has another holder or its lease is over */
  async renew(holder: LockHolder, leaseMs: number): Promise<boolean> {
    const now = await readDatabaseTime(this.connection);
    return this.set(holder, now, { lockedUntil: after(now, leaseMs) });
  }

  /**
   * @param change the fields to set, from the database's time
   * @returns false when the lock has another holder or its lease is over; nothing was written then
   */
  async update(holder: LockHolder, change: (now: Date) => Partial<D>): Promise<boolean> {
    const now = await readDatabaseTime(this.connection);
    return this.set(holder, now, change(now));
  }

  /**
   * Does nothing when another process has taken over.
   * @param change further fields to set, from the time that is written into `lockedUntil`
   */
  async release(
    { owner, epoch }: LockHolder,
    change: (freedAt: Date) => Partial<D> = () => ({}),
  ): Promise<void> {
    const { freedAt } = this.place;
    const lockedUntil = freedAt === 'now' ? await readDatabaseTime(this.connection) : new Date(0);
    const $set = { ...change(lockedUntil), owner: null, lockedUntil };
    await this.collection.updateOne({ _id: this.id, owner, epoch }, { $set });
  }

  private async set(
    { owner, epoch }: LockHolder,
    now: Date,
    $set: Partial<LockDocument> | Partial<D>,
  ): Promise<boolean> {
    const held = { _id: this.id, owner, epoch, lockedUntil: { $gt: now } };
    return (await this.collection.updateOne(held, { $set })).matchedCount === 1;
  }

  private async findOrCreate(): Promise<D> {
    const found = await this.collection.findOne({ _id: this.id });
    if (found) return found as D;
    try {
      await this.collection.insertOne(this.place.initial);
    } catch (error) {
      // Another process created the same document at the same moment.
      if (duplicateKeyField(error) !== '_id') throw error;
    }
    return this.find();
  }

  private get id(): string {
    return this.place.initial._id;
  }

  private get collection(): mongo.Collection<LockDocument> {
    return collectionOf<LockDocument>(this.connection, this.place.collection);
  }
}

function after(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}

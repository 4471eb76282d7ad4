import type { Connection, mongo } from 'mongoose';
import { readDatabaseTime } from '../database-time.js';
import type { LockHolder } from '../database-lock.js';
import { duplicateKeyField, storageUnavailable } from '../storage-errors.js';
import { startedContraction, type SchemaState, EMPTY_SCHEMA_STATE } from './schema-state.js';

const ID = 'schema';

type StateDocument = SchemaState & { readonly _id: string };

/** `schema_state`: every write is a compare-and-set on the lock's epoch. Durable as the connection's writes are. */
export class SchemaStateRepository {
  constructor(private readonly connection: Connection) {}

  async find(): Promise<SchemaState> {
    return (await this.collection.findOne({ _id: ID })) ?? EMPTY_SCHEMA_STATE;
  }

  /** The state as its new owner finds it; null while another holds the lock, or was faster. */
  async acquire(owner: string, lockMs: number): Promise<SchemaState | null> {
    const seen = await this.findOrCreate();
    const now = await this.now();
    if (seen.lockedUntil > now) return null;
    return this.collection.findOneAndUpdate(
      { _id: ID, epoch: seen.epoch, lockedUntil: { $lte: now } },
      {
        $set: {
          owner,
          epoch: seen.epoch + 1,
          lockedUntil: after(now, lockMs),
          // An announcement whose owner went before the step began binds nobody.
          contractingTo: startedContraction(seen),
        },
      },
      { returnDocument: 'after' },
    );
  }

  /** False when the lock is not this holder's any more. */
  async renew(holder: LockHolder, lockMs: number): Promise<boolean> {
    const now = await this.now();
    return this.set(holder, now, { lockedUntil: after(now, lockMs) });
  }

  /** @param change made for the database's time; false: not this holder's any more, and nothing was written */
  async change(holder: LockHolder, change: (now: Date) => Partial<SchemaState>): Promise<boolean> {
    const now = await this.now();
    return this.set(holder, now, change(now));
  }

  /** Does nothing when another has taken over. */
  async release({ owner, epoch }: LockHolder): Promise<void> {
    const free = { owner: null, lockedUntil: EMPTY_SCHEMA_STATE.lockedUntil };
    await this.collection.updateOne({ _id: ID, owner, epoch }, { $set: free });
  }

  /** The database's clock. */
  now(): Promise<Date> {
    return readDatabaseTime(this.connection);
  }

  private async set({ owner, epoch }: LockHolder, now: Date, fields: Partial<SchemaState>): Promise<boolean> {
    const held = { _id: ID, owner, epoch, lockedUntil: { $gt: now } };
    return (await this.collection.updateOne(held, { $set: fields })).matchedCount === 1;
  }

  private async findOrCreate(): Promise<SchemaState> {
    const found = await this.collection.findOne({ _id: ID });
    if (found) return found;
    try {
      await this.collection.insertOne({ _id: ID, ...EMPTY_SCHEMA_STATE });
    } catch (error) {
      // Somebody made it at the same moment: theirs is as good.
      if (duplicateKeyField(error) !== '_id') throw error;
    }
    return this.find();
  }

  private get collection(): mongo.Collection<StateDocument> {
    if (!this.connection.db) throw storageUnavailable();
    return this.connection.db.collection<StateDocument>('schema_state');
  }
}

function after(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}

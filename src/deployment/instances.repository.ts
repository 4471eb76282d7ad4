import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, mongo } from 'mongoose';
import type { ReleaseColor } from '../config/index.js';
import type { OtherInstance } from '../cluster/index.js';
import { DatabaseTime, decodeDocument, findRaw } from '../database/index.js';
import { InstanceRecord } from './instance.schema.js';

export interface LiveInstance {
  readonly id: string;
  readonly version: string;
  readonly revision: string | null;
  readonly color: ReleaseColor | null;
  /** Supported schema versions, both ends included. */
  readonly schemaMin: number;
  readonly schemaMax: number;
  readonly state: string;
  readonly host: string;
  /** By the instance's clock. */
  readonly startedAt: Date;
}

/** An instance without a heartbeat for this long counts as dead: three heartbeats and a slow database. */
const ALIVE_MS = 20_000;
const DELETE_AFTER_MS = 86_400_000;

/** The instances that use this database. Heartbeat times are by the database's clock. */
@Injectable()
export class InstancesRepository {
  constructor(
    @InjectModel(InstanceRecord.name) private readonly instances: Model<InstanceRecord>,
    private readonly time: DatabaseTime,
  ) {}

  /** Records a heartbeat, and deletes instances without one for a day. @param claims `InstanceRegistry.claimsToRecord` */
  async keepAlive({ id, revision, color, ...known }: LiveInstance, claims = 0): Promise<void> {
    const now = await this.time.read();
    const named = { ...(revision !== null && { revision }), ...(color !== null && { color }) };
    await this.instances.updateOne(
      { _id: id },
      { $set: { ...known, ...named, lastSeenAt: now }, $setOnInsert: { claims } },
      { upsert: true },
    );
    // A heartbeat that ends late does not undo a newer one.
    await this.instances.updateOne({ _id: id, claims: { $lt: claims } }, { $set: { claims } });
    const old = { $lt: new Date(now.getTime() - DELETE_AFTER_MS) };
    await this.instances.deleteMany({ $or: [{ lastSeenAt: old }, { stoppedAt: old }] });
  }

  /**
   * Writes the time of the heartbeat alone.
   * @param confirmMs time that most members have to confirm it
   * @returns false when they do not
   */
  async touch(id: string, lastSeenAt: Date, confirmMs: number): Promise<boolean> {
    const writeConcern = { w: 'majority', j: true, wtimeoutMS: confirmMs } as const;
    try {
      // Not after `markStopped`, which would make the instance alive again.
      const filter = { _id: id, stoppedAt: { $exists: false } };
      await this.instances.updateOne(filter, { $set: { lastSeenAt } }, { writeConcern });
      return true;
    } catch (error) {
      if (error instanceof mongo.MongoWriteConcernError) return false;
      throw error;
    }
  }

  /** Marks an instance that has shut down, so that it does not count as alive until its heartbeat is too old. */
  async markStopped(id: string): Promise<void> {
    const stoppedAt = await this.time.read();
    await this.instances.updateOne({ _id: id }, { $set: { stoppedAt }, $unset: { lastSeenAt: 1 } });
  }

  async findAlive(): Promise<LiveInstance[]> {
    return (await this.readAlive()).alive;
  }

  /** @returns the instances that are alive, and the time before the read */
  async readAlive(): Promise<{ readonly databaseTime: Date; readonly alive: LiveInstance[] }> {
    const now = await this.time.read();
    const found = await this.instances
      .find({ lastSeenAt: { $gte: new Date(now.getTime() - ALIVE_MS) } })
      .lean();
    return { databaseTime: now, alive: found.map(toInstance) };
  }

  /** The instances but this one that were alive at this time or later. */
  async findOthersSince(id: string, since: Date): Promise<OtherInstance[]> {
    const aliveSince = new Date(since.getTime() - ALIVE_MS);
    // Each group of positions needs it.
    const found = await findRaw(this.instances, {
      filter: { $or: [{ lastSeenAt: { $gte: aliveSince } }, { stoppedAt: { $gte: since } }] },
      projection: { claims: 1 },
    });
    return found
      .map((raw) => decodeDocument<Pick<InstanceRecord, '_id' | 'claims'>>(raw))
      .filter((record) => record._id !== id)
      .map((record) => ({ id: record._id, claims: record.claims ?? 0 }));
  }
}

function toInstance(record: InstanceRecord): LiveInstance {
  const { _id, version, revision, color, schemaMin, schemaMax, state, host, startedAt } = record;
  return {
    id: _id,
    version,
    revision: revision ?? null,
    color: color ?? null,
    schemaMin,
    schemaMax,
    state,
    host,
    startedAt,
  };
}

import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, mongo } from 'mongoose';
import { positionId, positionIdBounds } from './position-id.js';
import { PositionRecord } from './position.schema.js';
import { QuarantineRecord } from './quarantine/quarantine.schema.js';

/** A vehicle, the 8 bytes of a time and the 8 bytes of a place (see `quarantineId`). */
const QUARANTINE_ID_BYTES = 28;

/** A page of a walk along the quarantine of one vehicle. */
export interface QuarantineStep {
  readonly deleted: number;
  /** Where the next step begins; null at the end. */
  readonly after: Buffer | null;
}

/** Small deletes along `_id`, each bounded by what it looks at, so that none of them holds up a write for long. */
@Injectable()
export class RetentionRepository {
  constructor(
    @InjectModel(PositionRecord.name) private readonly positions: Model<PositionRecord>,
    @InjectModel(QuarantineRecord.name) private readonly quarantine: Model<QuarantineRecord>,
  ) {}

  /**
   * Deletes the oldest fixes of a vehicle, those before the time given and never its newest.
   * @returns how many; fewer than the limit: there are no more
   */
  async deletePositionsBefore(vehicleId: string, beforeMs: number, limit: number): Promise<number> {
    const { lowest } = positionIdBounds(vehicleId);
    const before = { $gte: lowest, $lt: positionId(vehicleId, beforeMs) };
    // One more than the limit: if nothing but the newest is left, it shows here.
    const found = await this.positions
      .find({ _id: before })
      .sort({ _id: 1 })
      .limit(limit + 1)
      .select({ _id: 1 })
      .lean();
    const oldest = found.slice(0, limit);
    const isNewestAmong = found.length <= limit && !(await this.hasAnyFrom(vehicleId, beforeMs));
    const last = (isNewestAmong ? oldest.slice(0, -1) : oldest).at(-1);
    if (!last) return 0;
    const { deletedCount } = await this.positions.deleteMany({ _id: { $gte: lowest, $lte: last._id } });
    return deletedCount;
  }

  /** One step through a vehicle's quarantine, which is ordered by the fixes' times and goes by their arrival. */
  async deleteQuarantinedBefore(
    vehicleId: string,
    receivedBefore: Date,
    after: Buffer | null,
    limit: number,
  ): Promise<QuarantineStep> {
    const lowest = Buffer.alloc(QUARANTINE_ID_BYTES, 0x00);
    const highest = Buffer.alloc(QUARANTINE_ID_BYTES, 0xff);
    lowest.write(vehicleId, 0, 'hex');
    highest.write(vehicleId, 0, 'hex');
    const scanned = await this.quarantine
      .find({ _id: { $gt: after ?? lowest, $lte: highest } })
      .sort({ _id: 1 })
      .limit(limit)
      .select({ receivedAt: 1 })
      .lean();
    const old = scanned.filter(({ receivedAt }) => receivedAt < receivedBefore).map(({ _id }) => _id);
    const last = scanned.length === limit ? scanned.at(-1) : undefined;
    if (old.length > 0) await this.quarantine.deleteMany({ _id: { $in: old } });
    return { deleted: old.length, after: last ? bytesOf(last._id) : null };
  }

  private async hasAnyFrom(vehicleId: string, fromMs: number): Promise<boolean> {
    const { highest } = positionIdBounds(vehicleId);
    const found = await this.positions
      .findOne({ _id: { $gte: positionId(vehicleId, fromMs), $lte: highest } })
      .select({ _id: 1 })
      .lean();
    return found !== null;
  }
}

/** A lean document's id is the driver's Binary, whatever the schema calls it. */
function bytesOf(id: Buffer | mongo.Binary): Buffer {
  return id instanceof mongo.Binary ? Buffer.from(id.buffer) : id;
}

import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, mongo } from 'mongoose';
import { positionId, positionIdBounds, quarantineIdBounds } from './position-id.js';
import { PositionRecord } from './position.schema.js';
import { QuarantineRecord } from './quarantine/quarantine.schema.js';

/** The result of one step through the quarantine of a vehicle. */
export interface QuarantineStep {
  readonly deleted: number;
  /** Where the next step begins; null at the end. */
  readonly after: Buffer | null;
}

/** Deletes in small steps along `_id`. Each step reads a limited number of documents, so it delays no write for long. */
@Injectable()
export class RetentionRepository {
  constructor(
    @InjectModel(PositionRecord.name) private readonly positions: Model<PositionRecord>,
    @InjectModel(QuarantineRecord.name) private readonly quarantine: Model<QuarantineRecord>,
  ) {}

  /**
   * Deletes the oldest positions of a vehicle that are before the given time, but never its newest position.
   * @returns how many are deleted; fewer than the limit when there are no more
   */
  async deletePositionsBefore(vehicleId: string, beforeMs: number, limit: number): Promise<number> {
    const { lowest } = positionIdBounds(vehicleId);
    const before = { $gte: lowest, $lt: positionId(vehicleId, beforeMs) };
    // One more than the limit shows whether others remain.
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

  /** One step through the quarantine of a vehicle. Documents are ordered by time of fix and deleted by time of arrival. */
  async deleteQuarantinedBefore(
    vehicleId: string,
    receivedBefore: Date,
    after: Buffer | null,
    limit: number,
  ): Promise<QuarantineStep> {
    const { lowest, highest } = quarantineIdBounds(vehicleId);
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

/** The `_id` of a lean document is the driver's Binary, although the schema declares a Buffer. */
function bytesOf(id: Buffer | mongo.Binary): Buffer {
  return id instanceof mongo.Binary ? Buffer.from(id.buffer) : id;
}

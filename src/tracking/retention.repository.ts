import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, mongo } from 'mongoose';
import { positionId, positionIdBounds, quarantineIdBounds } from './position-id.js';
import { PositionRecord } from './position.schema.js';
import { QuarantineRecord } from './quarantine/quarantine.schema.js';

/** The result of one step through the documents of a vehicle. */
export interface RetentionStep {
  readonly deleted: number;
  /** Where the next step begins; null at the end. */
  readonly after: Buffer | null;
}

/**
 * Deletes in small steps along `_id`. Each step reads a limited number of documents, so it delays no write for long.
 * Documents are ordered by the time of the fix. The time of receipt decides too: a fix that arrived today stays, however
 * old its own time is.
 */
@Injectable()
export class RetentionRepository {
  constructor(
    @InjectModel(PositionRecord.name) private readonly positions: Model<PositionRecord>,
    @InjectModel(QuarantineRecord.name) private readonly quarantine: Model<QuarantineRecord>,
  ) {}

  /** Where the positions end that are before this time and not the newest one of the vehicle; null: there is none. */
  async findEndOfOld(vehicleId: string, beforeMs: number): Promise<Buffer | null> {
    const { lowest, highest } = positionIdBounds(vehicleId);
    const newest = await this.positions
      .findOne({ _id: { $gte: lowest, $lte: highest } })
      .sort({ _id: -1 })
      .select({ _id: 1 })
      .lean();
    if (!newest) return null;
    const [before, newestId] = [positionId(vehicleId, beforeMs), bytesOf(newest._id)];
    return Buffer.compare(newestId, before) < 0 ? newestId : before;
  }

  /** One step through the positions of a vehicle before `end`: deletes those that were received before this time. */
  deletePositionsReceivedBefore(
    vehicleId: string,
    receivedBefore: Date,
    after: Buffer | null,
    end: Buffer,
    limit: number,
  ): Promise<RetentionStep> {
    const { lowest } = positionIdBounds(vehicleId);
    return deleteStep(this.positions, receivedBefore, { $gt: after ?? lowest, $lt: end }, limit);
  }

  /** One step through the quarantine of a vehicle. Only the time of receipt counts: the time of the fix can be wrong. */
  deleteQuarantinedBefore(
    vehicleId: string,
    receivedBefore: Date,
    after: Buffer | null,
    limit: number,
  ): Promise<RetentionStep> {
    const { lowest, highest } = quarantineIdBounds(vehicleId);
    return deleteStep(this.quarantine, receivedBefore, { $gt: after ?? lowest, $lte: highest }, limit);
  }
}

async function deleteStep<T extends { readonly receivedAt: Date }>(
  model: Model<T>,
  receivedBefore: Date,
  range: object,
  limit: number,
): Promise<RetentionStep> {
  const scanned = await model
    .find({ _id: range })
    .sort({ _id: 1 })
    .limit(limit)
    .select({ receivedAt: 1 })
    .lean<{ readonly _id: Buffer | mongo.Binary; readonly receivedAt: Date }[]>();
  const [first, last] = [scanned[0], scanned.at(-1)];
  if (!first || !last) return { deleted: 0, after: null };
  const isAnyOld = scanned.some(({ receivedAt }) => receivedAt < receivedBefore);
  // One range, because a list of ids of a clustered collection is a scan from the lowest to the highest.
  const { deletedCount } = isAnyOld
    ? await model.deleteMany({
        _id: { $gte: bytesOf(first._id), $lte: bytesOf(last._id) },
        receivedAt: { $lt: receivedBefore },
      } as never)
    : { deletedCount: 0 };
  return { deleted: deletedCount, after: scanned.length === limit ? bytesOf(last._id) : null };
}

/** The `_id` of a lean document is the driver's Binary, although the schema declares a Buffer. */
function bytesOf(id: Buffer | mongo.Binary): Buffer {
  return id instanceof mongo.Binary ? Buffer.from(id.buffer) : id;
}

import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { insertOrFindDuplicates } from '../database/index.js';
import { type StatusChange, statusChangeId, statusChangeIdBounds } from './status-change.js';
import { StatusChangeRecord } from './status-change.schema.js';

@Injectable()
export class StatusChangesRepository {
  constructor(@InjectModel(StatusChangeRecord.name) private readonly changes: Model<StatusChangeRecord>) {}

  /** Stores a change once, however often it is called; durable when it resolves. */
  async insertOnce(change: StatusChange): Promise<void> {
    const { vehicleId, ...rest } = change;
    const record = { _id: statusChangeId(change), vehicleId: new Types.ObjectId(vehicleId), ...rest };
    await insertOrFindDuplicates(this.changes, [record]);
  }

  /** Newest first, older than `beforeId` (hexadecimal). */
  async list(vehicleId: string, beforeId: string | null, limit: number): Promise<StatusChange[]> {
    const { lowest, highest } = statusChangeIdBounds(vehicleId);
    const end = beforeId === null ? highest : Buffer.from(beforeId, 'hex');
    const found = await this.changes
      .find({ _id: { $gte: lowest, $lt: end } })
      .sort({ _id: -1 })
      .limit(limit)
      .lean();
    return found.map(({ vehicleId: vehicle, status, at, recordedAt, by }) => ({
      vehicleId: vehicle.toHexString(),
      status,
      at,
      recordedAt,
      by: { kind: by.kind, id: by.id },
    }));
  }
}

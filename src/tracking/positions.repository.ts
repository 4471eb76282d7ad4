import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { insertOrFindDuplicates, MAJORITY_JOURNALED } from '../database/index.js';
import type { RecordedPosition } from './recorded-position.js';
import type { HistoryRange } from './history/history-range.js';
import { positionId, positionIdBounds } from './position-id.js';
import { PositionRecord } from './position.schema.js';
import type { StoredPosition } from './stored-position.js';

@Injectable()
export class PositionsRepository {
  constructor(@InjectModel(PositionRecord.name) private readonly positions: Model<PositionRecord>) {}

  /**
   * One durable write for all of them.
   * @returns the indexes of those whose vehicle and time were there already; the others are on the disk now
   * @throws storage/unavailable when any of the rest is not confirmed
   */
  insert(recorded: readonly RecordedPosition[], recordedAt: Date): Promise<ReadonlySet<number>> {
    return insertOrFindDuplicates(
      this.positions,
      recorded.map((each) => toRecord(each, recordedAt)),
    );
  }

  /** Puts it in the place of the one with the same vehicle and time. */
  async replace(recorded: RecordedPosition, recordedAt: Date): Promise<void> {
    const { _id, ...record } = toRecord(recorded, recordedAt);
    await this.positions.collection.replaceOne({ _id }, record, {
      upsert: true,
      writeConcern: MAJORITY_JOURNALED,
    });
  }

  /** The stored ones among these vehicles and times, by key as in `positionKey`. */
  async findStored(reports: readonly StoredPosition[]): Promise<ReadonlyMap<string, StoredPosition>> {
    const ids = reports.map((report) => positionId(report.vehicleId, report.timeMs));
    const found = await this.positions.find({ _id: { $in: ids } }).lean();
    return new Map(found.map(toPosition).map((position) => [positionKey(position), position]));
  }

  /** The newest by its own time. */
  async findNewest(vehicleId: string): Promise<StoredPosition | null> {
    const { lowest, highest } = positionIdBounds(vehicleId);
    const found = await this.positions
      .findOne({ _id: { $gte: lowest, $lte: highest } })
      .sort({ _id: -1 })
      .lean();
    return found && toPosition(found);
  }

  /** The newest before this time. */
  async findBefore(vehicleId: string, timeMs: number): Promise<StoredPosition | null> {
    const { lowest } = positionIdBounds(vehicleId);
    const range = { $gte: lowest, $lt: positionId(vehicleId, timeMs) };
    const found = await this.positions.findOne({ _id: range }).sort({ _id: -1 }).lean();
    return found && toPosition(found);
  }

  /** The oldest after this time. */
  async findAfter(vehicleId: string, timeMs: number): Promise<StoredPosition | null> {
    const { highest } = positionIdBounds(vehicleId);
    const range = { $gt: positionId(vehicleId, timeMs), $lte: highest };
    const found = await this.positions.findOne({ _id: range }).sort({ _id: 1 }).lean();
    return found && toPosition(found);
  }

  /** Ascending by time, both ends included. */
  async findBetween(
    vehicleId: string,
    fromMs: number,
    toMs: number,
    limit: number,
  ): Promise<StoredPosition[]> {
    const range = { $gte: positionId(vehicleId, fromMs), $lte: positionId(vehicleId, toMs) };
    const found = await this.positions.find({ _id: range }).sort({ _id: 1 }).limit(limit).lean();
    return found.map(toPosition);
  }

  /** Descending by time, from before this time on; from the newest without one. */
  async findBackwards(vehicleId: string, beforeMs: number | null, limit: number): Promise<StoredPosition[]> {
    const { lowest, highest } = positionIdBounds(vehicleId);
    const end = beforeMs === null ? highest : positionId(vehicleId, beforeMs);
    const found = await this.positions
      .find({ _id: { $gte: lowest, $lt: end } })
      .sort({ _id: -1 })
      .limit(limit)
      .lean();
    return found.map(toPosition);
  }

  /** The first of a range, in its order. */
  async listRange(
    { vehicleId, fromMs, toMs, order }: HistoryRange,
    limit: number,
  ): Promise<StoredPosition[]> {
    const { lowest, highest } = positionIdBounds(vehicleId);
    const $gte = fromMs === null ? lowest : positionId(vehicleId, fromMs);
    const $lt = toMs === null ? highest : positionId(vehicleId, toMs);
    const found = await this.positions
      .find({ _id: { $gte, $lt } })
      .sort({ _id: order === 'asc' ? 1 : -1 })
      .limit(limit)
      .lean();
    return found.map(toPosition);
  }

  /**
   * What was recorded from a moment on, in the order of recording.
   * @param after the last one of the page before
   */
  async findRecordedSince(
    fromMs: number,
    after: LoggedPosition | null,
    limit: number,
  ): Promise<LoggedPosition[]> {
    const from = after?.recordedAt ?? new Date(fromMs);
    const found = await this.positions
      .find({
        recordedAt: { $gte: from },
        ...(after && { $or: [{ recordedAt: { $gt: from } }, { _id: { $gt: idOf(after.position) } }] }),
      })
      .sort({ recordedAt: 1, _id: 1 })
      .limit(limit)
      .lean();
    return found.map((record) => ({
      position: toPosition(record),
      late: record.late === true,
      recordedAt: record.recordedAt,
    }));
  }
}

/** One that was recorded, and when. */
export interface LoggedPosition extends RecordedPosition {
  readonly recordedAt: Date;
}

function idOf({ vehicleId, timeMs }: StoredPosition): Buffer {
  return positionId(vehicleId, timeMs);
}

export function positionKey(position: { vehicleId: string; timeMs: number }): string {
  return `${position.vehicleId}:${position.timeMs}`;
}

function toRecord(
  { position, late }: RecordedPosition,
  recordedAt: Date,
): Record<string, unknown> & { _id: Buffer } {
  const { vehicleId, timeMs, receivedAtMs, ...fix } = position;
  return {
    _id: positionId(vehicleId, timeMs),
    vehicleId: new Types.ObjectId(vehicleId),
    time: new Date(timeMs),
    ...fix,
    receivedAt: new Date(receivedAtMs),
    recordedAt,
    ...(late && { late }),
  };
}

function toPosition(record: PositionRecord): StoredPosition {
  const { _id, vehicleId, time, receivedAt, recordedAt: _recordedAt, late: _late, ...fix } = record;
  return {
    ...fix,
    vehicleId: vehicleId.toHexString(),
    timeMs: time.getTime(),
    receivedAtMs: receivedAt.getTime(),
  };
}

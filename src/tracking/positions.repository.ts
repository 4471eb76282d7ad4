import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model, mongo } from 'mongoose';
import pLimit from 'p-limit';
import type { Position, RecordedPosition } from '../core/index.js';
import { decodeDocument, findRaw, insertRawOrFindDuplicates } from '../database/index.js';
import { positionId, positionIdBounds } from './position-id.js';
import { PositionRecord } from './position.schema.js';
import { readPosition, readRecorded, toPosition, toRecorded } from './recorded-position.reader.js';
import { writeRecorded } from './recorded-position.writer.js';

/** Fewer than the connections to the database: other requests need some of them. */
const SIMULTANEOUS_LOOKUPS = 8;

/** A part of one vehicle's history: from ≤ time < to, epoch milliseconds; null for no bound. */
export interface HistoryRange {
  readonly vehicleId: string;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly order: 'asc' | 'desc';
}

@Injectable()
export class PositionsRepository {
  constructor(@InjectModel(PositionRecord.name) private readonly positions: Model<PositionRecord>) {}

  /**
   * One durable write for all of them.
   * @returns the indexes of those whose vehicle and time were stored before; the others are durable now
   * @throws storage/unavailable when any of the others is not confirmed
   */
  insert(recorded: readonly RecordedPosition[]): Promise<ReadonlySet<number>> {
    return insertRawOrFindDuplicates(this.positions, writeRecorded(recorded));
  }

  /** Replaces the stored position of the same vehicle and time, or inserts it. */
  async replace(recorded: RecordedPosition): Promise<void> {
    const [raw] = writeRecorded([recorded]) as [Buffer];
    const { _id, ...record } = decodeDocument<PositionRecord>(raw);
    await this.positions.collection.replaceOne({ _id }, record, { upsert: true });
  }

  /** Gives stored positions another time of recording. One durable write, each position by its `_id`. */
  async setRecordedAt(positions: readonly Position[], recordedAtMs: number): Promise<void> {
    const update = { $set: { recordedAt: new Date(recordedAtMs) } };
    await this.collection.bulkWrite(
      positions.map((position) => ({ updateOne: { filter: { _id: idOf(position) }, update } })),
      { ordered: false },
    );
  }

  /** The stored positions with these vehicles and times, by `positionKey`. */
  async findStored(positions: readonly PositionKey[]): Promise<ReadonlyMap<string, Position>> {
    const found = await this.findSame(positions);
    return new Map(found.map(toPosition).map((position) => [positionKey(position), position]));
  }

  /** Like `findStored`, with the time of recording and `late`. */
  async findRecorded(positions: readonly Position[]): Promise<ReadonlyMap<string, RecordedPosition>> {
    const found = await this.findSame(positions);
    return new Map(found.map(toRecorded).map((each) => [positionKey(each.position), each]));
  }

  /** The newest position of a vehicle, by its own time. */
  async findNewest(vehicleId: string): Promise<Position | null> {
    const [newest = null] = await this.findBackwards(vehicleId, null, 1);
    return newest;
  }

  /** The newest position before this time. */
  async findBefore(vehicleId: string, timeMs: number): Promise<Position | null> {
    const [before = null] = await this.findBackwards(vehicleId, timeMs, 1);
    return before;
  }

  /** The oldest position after this time. */
  async findAfter(vehicleId: string, timeMs: number): Promise<Position | null> {
    const range = { vehicleId, fromMs: timeMs + 1, toMs: null, order: 'asc' } as const;
    const [after = null] = await this.listRange(range, 1);
    return after;
  }

  /** Ascending by time, both ends included. */
  findBetween(vehicleId: string, fromMs: number, toMs: number, limit: number): Promise<Position[]> {
    return this.listRange({ vehicleId, fromMs, toMs: toMs + 1, order: 'asc' }, limit);
  }

  /** Descending by time. @param beforeMs null: from the newest on */
  findBackwards(vehicleId: string, beforeMs: number | null, limit: number): Promise<Position[]> {
    return this.listRange({ vehicleId, fromMs: null, toMs: beforeMs, order: 'desc' }, limit);
  }

  /** The first positions of a range, in its order. */
  async listRange({ vehicleId, fromMs, toMs, order }: HistoryRange, limit: number): Promise<Position[]> {
    const { lowest, highest } = positionIdBounds(vehicleId);
    const $gte = fromMs === null ? lowest : positionId(vehicleId, fromMs);
    const $lt = toMs === null ? highest : positionId(vehicleId, toMs);
    const sort = { _id: order === 'asc' ? 1 : -1 } as const;
    const found = await findRaw(this.positions, { filter: { _id: { $gte, $lt } }, sort, limit });
    return found.map(readPosition);
  }

  /**
   * The positions recorded from a time on, in the order of recording.
   * @param after the last one of the page before
   */
  async findRecordedSince(
    fromMs: number,
    after: RecordedPosition | null,
    limit: number,
  ): Promise<RecordedPosition[]> {
    const from = new Date(after?.recordedAtMs ?? fromMs);
    const filter = {
      recordedAt: { $gte: from },
      ...(after && { $or: [{ recordedAt: { $gt: from } }, { _id: { $gt: idOf(after.position) } }] }),
    };
    const found = await findRaw(this.positions, { filter, sort: { recordedAt: 1, _id: 1 }, limit });
    return found.map(readRecorded);
  }

  /** The driver's collection: half the processor time of a mongoose query, which every position needs. */
  private get collection(): mongo.Collection<PositionRecord> {
    return this.positions.collection as unknown as mongo.Collection<PositionRecord>;
  }

  /**
   * One query for each position, at most `SIMULTANEOUS_LOOKUPS` at a time. With `$in`, MongoDB reads a clustered collection
   * from the lowest to the highest id: all positions of all vehicles in between.
   */
  private async findSame(positions: readonly PositionKey[]): Promise<PositionRecord[]> {
    const distinct = new Map(positions.map((position) => [positionKey(position), position]));
    const found = await pLimit(SIMULTANEOUS_LOOKUPS).map(distinct.values(), (position) =>
      this.collection.findOne({ _id: idOf(position) }),
    );
    return found.filter((record) => record !== null);
  }
}

/** A vehicle has one stored position at each time. */
export type PositionKey = Pick<Position, 'vehicleId' | 'timeMs'>;

export function positionKey({ vehicleId, timeMs }: PositionKey): string {
  return `${vehicleId}:${timeMs}`;
}

function idOf({ vehicleId, timeMs }: PositionKey): Buffer {
  return positionId(vehicleId, timeMs);
}

import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { measurementsOf, type Position, QUARANTINE_CODES, type QuarantineCode } from '../../core/index.js';
import { decodeDocument, findRaw, insertOrFindDuplicates } from '../../database/index.js';
import { quarantineId, quarantineIdBounds } from '../position-id.js';
import { QuarantineRecord } from './quarantine.schema.js';

/** A position in quarantine, held or released. */
export interface QuarantinedPosition {
  /** 56 hexadecimal digits. */
  readonly id: string;
  readonly position: Position;
  readonly code: QuarantineCode;
  /** Null while it is held. */
  readonly releasedAt: Date | null;
  /** User id; null while it is held, and when a sequence of jumps released it. */
  readonly releasedBy: string | null;
}

export type HeldPosition = Pick<QuarantinedPosition, 'position' | 'code'>;

/** Where a list continues: the last entry of the page before. */
export interface QuarantineCursor {
  readonly receivedAtMs: number;
  readonly id: string;
}

/** Several held positions can have one time; this many documents contain enough different times. */
const MAX_JUMPS_READ = 16;

@Injectable()
export class QuarantineRepository {
  constructor(@InjectModel(QuarantineRecord.name) private readonly quarantine: Model<QuarantineRecord>) {}

  /**
   * Stores each position once, however often it is sent.
   * @throws storage/unavailable
   */
  async insertHeld(held: readonly HeldPosition[]): Promise<void> {
    if (held.length > 0) await insertOrFindDuplicates(this.quarantine, held.map(toRecord));
  }

  /** Holds a position with this code, even when it was released before. */
  async holdAgain(held: HeldPosition): Promise<void> {
    const { _id, isReleased: _isReleased, code, ...rest } = toRecord(held);
    await this.quarantine.updateOne(
      { _id },
      { $set: { isReleased: false, code }, $unset: { releasedAt: 1, releasedBy: 1 }, $setOnInsert: rest },
      { upsert: true },
    );
  }

  /** The quarantine codes of those positions that are held, by hexadecimal id. */
  async findHeldCodes(positions: readonly Position[]): Promise<ReadonlyMap<string, QuarantineCode>> {
    const found = await this.quarantine
      .find({ _id: { $in: positions.map(quarantineId) }, isReleased: false })
      .lean();
    return new Map(found.map((record) => [hexOf(record._id), record.code]));
  }

  /** The times of the newest positions of a vehicle, held or released, epoch milliseconds; newest first. */
  async listNewestTimes(vehicleId: string, limit: number): Promise<number[]> {
    const { lowest, highest } = quarantineIdBounds(vehicleId);
    const found = await findRaw(this.quarantine, {
      filter: { _id: { $gte: lowest, $lte: highest } },
      projection: { time: 1 },
      sort: { _id: -1 },
      limit,
    });
    return found.map((raw) => decodeDocument<QuarantineRecord>(raw).time.getTime());
  }

  /** The held jumps of one vehicle within (afterMs, beforeMs): those closest to `timeMs` on both sides. */
  async findHeldJumps(
    vehicleId: string,
    timeMs: number,
    afterMs: number,
    beforeMs: number,
  ): Promise<Position[]> {
    const key = { vehicleId: new Types.ObjectId(vehicleId), code: 'jump' as const };
    const isHeld = { isReleased: false };
    const [older, newer] = await Promise.all([
      this.quarantine
        .find({
          ...key,
          time: { $lt: new Date(timeMs), ...(afterMs > -Infinity && { $gt: new Date(afterMs) }) },
          ...isHeld,
        })
        .sort({ vehicleId: -1, code: -1, time: -1 })
        .limit(MAX_JUMPS_READ)
        .lean(),
      this.quarantine
        .find({
          ...key,
          time: { $gt: new Date(timeMs), ...(beforeMs < Infinity && { $lt: new Date(beforeMs) }) },
          ...isHeld,
        })
        .sort({ vehicleId: 1, code: 1, time: 1 })
        .limit(MAX_JUMPS_READ)
        .lean(),
    ]);
    // Of several jumps at one time the caller takes the last: a server may return them in any order.
    return [...older, ...newer].sort((a, b) => (hexOf(a._id) < hexOf(b._id) ? -1 : 1)).map(toPosition);
  }

  /** @param by user id; null for a sequence of jumps */
  async markReleased(positions: readonly Position[], at: Date, by: string | null): Promise<void> {
    if (positions.length === 0) return;
    await this.quarantine.updateMany(
      { _id: { $in: positions.map(quarantineId) }, isReleased: false },
      { $set: { isReleased: true, releasedAt: at, ...(by !== null && { releasedBy: by }) } },
    );
  }

  async findById(id: string): Promise<QuarantinedPosition | null> {
    const found = await this.quarantine.findById(Buffer.from(id, 'hex')).lean();
    return found && toQuarantined(found);
  }

  /** Held positions, newest arrival first. */
  async listHeld(
    after: QuarantineCursor | null,
    limit: number,
    filter: { vehicleId?: string; code?: QuarantineCode },
  ): Promise<QuarantinedPosition[]> {
    const at = after && new Date(after.receivedAtMs);
    const found = await this.quarantine
      .find({
        ...(filter.vehicleId !== undefined && { vehicleId: new Types.ObjectId(filter.vehicleId) }),
        ...(filter.code !== undefined && { code: filter.code }),
        isReleased: false,
        ...(at && {
          receivedAt: { $lte: at },
          $or: [{ receivedAt: { $lt: at } }, { _id: { $lt: Buffer.from(after.id, 'hex') } }],
        }),
      })
      .sort({ ...(filter.vehicleId !== undefined && { vehicleId: -1 }), receivedAt: -1, _id: -1 })
      .limit(limit)
      .lean();
    return found.map(toQuarantined);
  }

  /** Held positions of all vehicles, by code. */
  async countHeld(): Promise<Record<QuarantineCode, number>> {
    const counts = await Promise.all(QUARANTINE_CODES.map(async (code) => [code, await this.count(code)]));
    return Object.fromEntries(counts) as Record<QuarantineCode, number>;
  }

  /** Uses the `count` command: mongoose counts with an aggregation, which this service does not use. */
  private async count(code: QuarantineCode): Promise<number> {
    const { collectionName, conn } = this.quarantine.collection;
    const answer = await conn.db?.command({ count: collectionName, query: { isReleased: false, code } });
    return (answer as { n: number } | undefined)?.n ?? 0;
  }
}

function toRecord({ position, code }: HeldPosition): Record<string, unknown> & { _id: Buffer } {
  return {
    _id: quarantineId(position),
    vehicleId: new Types.ObjectId(position.vehicleId),
    code,
    time: new Date(position.timeMs),
    fix: measurementsOf(position),
    receivedAt: new Date(position.receivedAtMs),
    isReleased: false,
    ...(position.roleEpoch !== undefined && { roleEpoch: position.roleEpoch }),
  };
}

function toQuarantined(record: QuarantineRecord): QuarantinedPosition {
  return {
    id: hexOf(record._id),
    position: toPosition(record),
    code: record.code,
    releasedAt: record.releasedAt ?? null,
    releasedBy: record.releasedBy ?? null,
  };
}

function toPosition(record: QuarantineRecord): Position {
  return {
    ...measurementsOf(record.fix),
    vehicleId: record.vehicleId.toHexString(),
    timeMs: record.time.getTime(),
    receivedAtMs: record.receivedAt.getTime(),
    ...(record.roleEpoch !== undefined && { roleEpoch: record.roleEpoch }),
  };
}

/** A lean document has the driver's Binary where the schema declares a Buffer; both give hexadecimal text. */
function hexOf(id: Buffer): string {
  return id.toString('hex');
}

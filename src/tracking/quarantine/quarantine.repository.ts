import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import type { Position } from '../../core/index.js';
import { insertOrFindDuplicates } from '../../database/index.js';
import { quarantineId } from './quarantine-id.js';
import { QuarantineRecord } from './quarantine.schema.js';
import { QUARANTINE_CODES, type QuarantineCode } from '../verdict.js';

export interface QuarantinedReport {
  readonly report: Position;
  readonly code: QuarantineCode;
}

export interface QuarantineEntry extends QuarantinedReport {
  /** Hexadecimal. */
  readonly id: string;
  readonly releasedAt: Date | null;
  readonly releasedBy: string | null;
}

/** Where a list goes on: the last entry of the page before. */
export interface QuarantineCursor {
  readonly receivedAtMs: number;
  readonly id: string;
}

/** Several held fixes may bear one time; so many are read to be sure of a handful of times. */
const MAX_JUMPS_READ = 16;

@Injectable()
export class QuarantineRepository {
  constructor(@InjectModel(QuarantineRecord.name) private readonly quarantine: Model<QuarantineRecord>) {}

  /**
   * Keeps each of them once, however often it is sent.
   * @throws storage/unavailable
   */
  async insertHeld(reports: readonly QuarantinedReport[]): Promise<void> {
    if (reports.length > 0) await insertOrFindDuplicates(this.quarantine, reports.map(toRecord));
  }

  /** Holds it again, with this code, even if it was released before. */
  async holdAgain(held: QuarantinedReport): Promise<void> {
    const { _id, isReleased: _isReleased, code, ...rest } = toRecord(held);
    await this.quarantine.updateOne(
      { _id },
      { $set: { isReleased: false, code }, $unset: { releasedAt: 1, releasedBy: 1 }, $setOnInsert: rest },
      { upsert: true },
    );
  }

  /** Which of these very fixes are held, and why; by hexadecimal id. */
  async findHeldCodes(reports: readonly Position[]): Promise<ReadonlyMap<string, QuarantineCode>> {
    const found = await this.quarantine
      .find({ _id: { $in: reports.map(quarantineId) }, isReleased: false })
      .lean();
    return new Map(found.map((record) => [hexOf(record._id), record.code]));
  }

  /** Held jumps of one vehicle within (afterMs, beforeMs): those next to `timeMs`, on both sides. */
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
    return [...older, ...newer].map((record) => toEntry(record).report);
  }

  async markReleased(reports: readonly Position[], at: Date, by: string | null): Promise<void> {
    if (reports.length === 0) return;
    await this.quarantine.updateMany(
      { _id: { $in: reports.map(quarantineId) }, isReleased: false },
      { $set: { isReleased: true, releasedAt: at, ...(by !== null && { releasedBy: by }) } },
    );
  }

  async findById(id: string): Promise<QuarantineEntry | null> {
    const found = await this.quarantine.findById(Buffer.from(id, 'hex')).lean();
    return found && toEntry(found);
  }

  /** Held ones, newest arrival first. */
  async listHeld(
    after: QuarantineCursor | null,
    limit: number,
    filter: { vehicleId?: string; code?: QuarantineCode },
  ): Promise<QuarantineEntry[]> {
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
    return found.map(toEntry);
  }

  /** How many are held, by reason. */
  async countHeld(): Promise<Record<QuarantineCode, number>> {
    const counts = await Promise.all(QUARANTINE_CODES.map(async (code) => [code, await this.count(code)]));
    return Object.fromEntries(counts) as Record<QuarantineCode, number>;
  }

  /** The `count` command: mongoose's own counting is an aggregation, which is not used here. */
  private async count(code: QuarantineCode): Promise<number> {
    const { collectionName, conn } = this.quarantine.collection;
    const answer = await conn.db?.command({ count: collectionName, query: { isReleased: false, code } });
    return (answer as { n: number } | undefined)?.n ?? 0;
  }
}

function toRecord({ report, code }: QuarantinedReport): Record<string, unknown> & { _id: Buffer } {
  const { vehicleId, timeMs, receivedAtMs, ...fix } = report;
  return {
    _id: quarantineId(report),
    vehicleId: new Types.ObjectId(vehicleId),
    code,
    time: new Date(timeMs),
    fix,
    receivedAt: new Date(receivedAtMs),
    isReleased: false,
  };
}

function toEntry(record: QuarantineRecord): QuarantineEntry {
  const report = {
    ...record.fix,
    vehicleId: record.vehicleId.toHexString(),
    timeMs: record.time.getTime(),
    receivedAtMs: record.receivedAt.getTime(),
  } as Position;
  return {
    id: hexOf(record._id),
    report,
    code: record.code,
    releasedAt: record.releasedAt ?? null,
    releasedBy: record.releasedBy ?? null,
  };
}

/** Lean reads give BSON's Binary where the schema says Buffer; both speak hexadecimal. */
function hexOf(id: Buffer): string {
  return id.toString('hex');
}

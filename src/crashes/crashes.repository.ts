import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { DomainError } from '../core/index.js';
import { duplicateKeyField } from '../database/index.js';
import { CrashRecord } from './crash.schema.js';
import type { Crash } from './crash.js';

@Injectable()
export class CrashesRepository {
  constructor(@InjectModel(CrashRecord.name) private readonly crashes: Model<CrashRecord>) {}

  newId(): string {
    return new Types.ObjectId().toHexString();
  }

  /** Resolves when the crash is durable; also when it was stored before. */
  async add(crash: Crash): Promise<void> {
    try {
      await this.crashes.collection.insertOne(toRecord(crash));
    } catch (error) {
      if (duplicateKeyField(error) !== '_id') throw error;
    }
  }

  async findById(id: string): Promise<Crash | null> {
    const found = isId(id) ? await this.crashes.findOne({ _id: new Types.ObjectId(id) }).lean() : null;
    return found && toCrash(found);
  }

  /** @throws crashes/not-found */
  async getById(id: string): Promise<Crash> {
    const found = await this.findById(id);
    if (!found) throw new DomainError('crashes/not-found', 'There is no such crash report.');
    return found;
  }

  /** Newest first. @param vehicleId null: of all vehicles. @param beforeId the last id of the page before */
  async list(vehicleId: string | null, beforeId: string | null, limit: number): Promise<Crash[]> {
    const found = await this.crashes
      .find({
        ...(vehicleId !== null && { vehicleId: new Types.ObjectId(vehicleId) }),
        ...(beforeId !== null && { _id: { $lt: new Types.ObjectId(beforeId) } }),
      })
      .sort({ _id: -1 })
      .limit(limit)
      .lean();
    return found.map(toCrash);
  }

  /** Crashes from the second of `at` on, in the order of arrival. */
  listSince(at: Date, limit: number): Promise<Crash[]> {
    const seconds = Math.max(0, Math.floor(at.getTime() / 1_000));
    return this.listAscending({ $gte: Types.ObjectId.createFromTime(seconds) }, limit);
  }

  /** Crashes after the one with this id, in the order of arrival. */
  listAfter(id: string, limit: number): Promise<Crash[]> {
    return this.listAscending({ $gt: new Types.ObjectId(id) }, limit);
  }

  private async listAscending(
    ids: { $gte?: Types.ObjectId; $gt?: Types.ObjectId },
    limit: number,
  ): Promise<Crash[]> {
    const found = await this.crashes.find({ _id: ids }).sort({ _id: 1 }).limit(limit).lean();
    return found.map(toCrash);
  }
}

const isId = (text: string): boolean => /^[0-9a-f]{24}$/.test(text);

function toRecord({
  id,
  vehicleId,
  reportedAt,
  lat,
  lon,
  speedMps,
  headingDeg,
  roleEpoch,
}: Crash): CrashRecord {
  return {
    _id: new Types.ObjectId(id),
    vehicleId: new Types.ObjectId(vehicleId),
    reportedAt,
    ...(lat !== null && lon !== null && { lat, lon }),
    ...(speedMps !== null && { speedMps }),
    ...(headingDeg !== null && { headingDeg }),
    ...(roleEpoch !== undefined && { roleEpoch }),
  };
}

function toCrash({
  _id,
  vehicleId,
  reportedAt,
  lat,
  lon,
  speedMps,
  headingDeg,
  roleEpoch,
}: CrashRecord): Crash {
  return {
    id: _id.toHexString(),
    vehicleId: vehicleId.toHexString(),
    reportedAt,
    lat: lat ?? null,
    lon: lon ?? null,
    speedMps: speedMps ?? null,
    headingDeg: headingDeg ?? null,
    ...(roleEpoch !== undefined && { roleEpoch }),
  };
}

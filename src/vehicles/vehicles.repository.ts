import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, type QueryFilter, Types } from 'mongoose';
import { duplicateKeyField } from '../database/index.js';
import type { Actor, StatusChange } from './status-change.js';
import type { UnitStatus } from './status-change.js';
import { prefixUpperBound, nameKey } from './vehicle-name.js';
import { boxCodeTaken, callSignTaken, registrationTaken, vehicleNotFound } from './vehicle.errors.js';
import type { NewVehicle, Vehicle, VehicleType, VehicleUpdate } from './vehicle.js';
import { VehicleRecord } from './vehicle.schema.js';

export interface VehicleFilter {
  readonly status?: UnitStatus;
  readonly type?: VehicleType;
  /** Beginning of the call sign or the registration, case-blind. */
  readonly prefix?: string;
}

type LeanVehicle = VehicleRecord & { readonly _id: Types.ObjectId };

@Injectable()
export class VehiclesRepository {
  constructor(@InjectModel(VehicleRecord.name) private readonly vehicles: Model<VehicleRecord>) {}

  /**
   * @param givenId the id to use; default a new one
   * @throws vehicles/call-sign-taken, vehicles/registration-taken, vehicles/box-code-taken
   */
  async create(vehicle: NewVehicle, at: Date, by: Actor, givenId?: string): Promise<Vehicle> {
    const { callSign, registration, type, status, boxCode } = vehicle;
    const id = new Types.ObjectId(givenId);
    const lastStatus = { vehicleId: id.toHexString(), status, at, recordedAt: at, by };
    try {
      const created = await this.vehicles.create({
        _id: id,
        type,
        ...callSignFields(callSign),
        ...registrationFields(registration),
        ...(typeof boxCode === 'string' && boxCodeFields(boxCode)),
        ...statusFields(lastStatus),
        version: 1,
      });
      return toVehicle(created.toObject());
    } catch (error) {
      throw nameTaken(error) ?? error;
    }
  }

  /** Finds a vehicle in service. @throws vehicles/not-found */
  async getById(id: string): Promise<Vehicle> {
    const vehicle = await this.getIncludingArchived(id);
    if (vehicle.archivedAt) throw vehicleNotFound();
    return vehicle;
  }

  /** @throws vehicles/not-found */
  async getIncludingArchived(id: string): Promise<Vehicle> {
    const found = isVehicleId(id) ? await this.vehicles.findById(id).lean() : null;
    if (!found) throw vehicleNotFound();
    return toVehicle(found);
  }

  /**
   * Changes the vehicle if it is in service and has this version.
   * @returns null when it does not
   * @throws vehicles/call-sign-taken, vehicles/registration-taken, vehicles/box-code-taken
   */
  async update(id: string, version: number, update: VehicleUpdate): Promise<Vehicle | null> {
    try {
      const changed = await this.vehicles
        .findOneAndUpdate({ _id: new Types.ObjectId(id), version, archivedAt: null }, operatorsOf(update), {
          returnDocument: 'after',
        })
        .lean();
      return changed && toVehicle(changed);
    } catch (error) {
      throw nameTaken(error) ?? error;
    }
  }

  /** Vehicles in service in the order of creation, after the given id. */
  async list(afterId: string | null, limit: number, filter: VehicleFilter = {}): Promise<Vehicle[]> {
    const { status, type, prefix } = filter;
    const found = await this.vehicles
      .find({
        archivedAt: null,
        ...(afterId !== null && { _id: { $gt: new Types.ObjectId(afterId) } }),
        ...(status !== undefined && { status }),
        ...(type !== undefined && { type }),
        ...(prefix !== undefined && {
          $or: [startsWith('callSignKey', prefix), startsWith('registrationKey', prefix)],
        }),
      })
      .sort({ _id: 1 })
      .limit(limit)
      .lean();
    return found.map(toVehicle);
  }

  /** Vehicles changed at or after this time, also archived ones, in the order of their last change. */
  async listChangedSince(at: Date): Promise<Vehicle[]> {
    const found = await this.vehicles
      .find({ updatedAt: { $gte: at } })
      .sort({ updatedAt: 1 })
      .lean();
    return found.map(toVehicle);
  }

  /** The given vehicles that are in service, in no order. */
  async findMany(ids: readonly string[]): Promise<Vehicle[]> {
    const found = await this.vehicles
      .find({ _id: { $in: ids.map((id) => new Types.ObjectId(id)) }, archivedAt: null })
      .lean();
    return found.map(toVehicle);
  }

  /** The given vehicles, also archived ones, in no order. */
  async findManyIncludingArchived(ids: readonly string[]): Promise<Vehicle[]> {
    const found = await this.vehicles.find({ _id: { $in: ids.map((id) => new Types.ObjectId(id)) } }).lean();
    return found.map(toVehicle);
  }

  /** Box codes of the given vehicles, also archived ones; null for a vehicle without one. */
  async findBoxCodes(ids: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    const found = await this.vehicles
      .find({ _id: { $in: ids.map((id) => new Types.ObjectId(id)) } })
      .select({ boxCode: 1 })
      .lean();
    return new Map(found.map(({ _id, boxCode }) => [_id.toHexString(), boxCode ?? null]));
  }

  /** Archived vehicles whose credentials may still be valid. */
  async listUnfinishedArchivals(): Promise<string[]> {
    const found = await this.vehicles
      .find({ archivedAt: { $gt: new Date(0) }, credentialsRevokedAt: { $exists: false } })
      .select({ _id: 1 })
      .lean();
    return found.map(({ _id }) => _id.toHexString());
  }

  async finishArchival(id: string, at: Date): Promise<void> {
    await this.vehicles.updateOne({ _id: new Types.ObjectId(id) }, { $set: { credentialsRevokedAt: at } });
  }

  /** The status of every vehicle in service, with the version of the vehicle, by id. */
  async statuses(): Promise<Map<string, { readonly status: UnitStatus; readonly version: number }>> {
    const found = await this.vehicles.find({ archivedAt: null }).select({ status: 1, version: 1 }).lean();
    return new Map(found.map(({ _id, status, version }) => [_id.toHexString(), { status, version }]));
  }

  /** Ids of vehicles in service by box code. */
  async boxes(): Promise<ReadonlyMap<string, string>> {
    const found = await this.vehicles
      .find({ boxCodeKey: { $exists: true } })
      .select({ boxCodeKey: 1 })
      .lean();
    return new Map(found.map(({ _id, boxCodeKey }) => [boxCodeKey ?? '', _id.toHexString()]));
  }

  /** The vehicles in service whose device clock is behind, with the start of it; by id. */
  async listClocksBehind(): Promise<ReadonlyMap<string, Date>> {
    const found = await this.vehicles
      .find({ archivedAt: null, clockBehindSince: { $gt: new Date(0) } })
      .select({ clockBehindSince: 1 })
      .lean();
    return new Map(found.map(({ _id, clockBehindSince }) => [_id.toHexString(), clockBehindSince as Date]));
  }

  /** All vehicles, also archived ones, in the order of creation. */
  async listIncludingArchived(): Promise<Vehicle[]> {
    const found = await this.vehicles.find().sort({ _id: 1 }).lean();
    return found.map(toVehicle);
  }

  /** All vehicles, also archived ones. */
  async listIdsIncludingArchived(): Promise<string[]> {
    const found = await this.vehicles.find().select({ _id: 1 }).lean();
    return found.map(({ _id }) => _id.toHexString());
  }
}

/** `Types.ObjectId.isValid` also accepts any 12 characters. */
export function isVehicleId(text: string): boolean {
  return /^[0-9a-f]{24}$/i.test(text);
}

function startsWith(key: 'callSignKey' | 'registrationKey', prefix: string): QueryFilter<VehicleRecord> {
  const first = nameKey(prefix);
  const end = prefixUpperBound(first);
  return { [key]: { $gte: first, ...(end !== null && { $lt: end }) } };
}

function operatorsOf(update: VehicleUpdate): Record<string, object> {
  const { callSign, registration, type, boxCode, lastStatus, archivedAt, clockBehindSince } = update;
  const isArchival = archivedAt !== undefined;
  const cleared = [
    ...(boxCode === null ? ['boxCode', 'boxCodeKey'] : []),
    ...(clockBehindSince === null ? ['clockBehindSince'] : []),
    ...(isArchival ? ['callSignKey', 'registrationKey', 'boxCodeKey'] : []),
  ];
  return {
    $set: {
      ...(callSign !== undefined && callSignFields(callSign)),
      ...(registration !== undefined && registrationFields(registration)),
      ...(type !== undefined && { type }),
      ...(typeof boxCode === 'string' && boxCodeFields(boxCode)),
      ...(lastStatus !== undefined && statusFields(lastStatus)),
      ...(isArchival && { archivedAt }),
      ...(clockBehindSince && { clockBehindSince }),
    },
    $inc: { version: 1 },
    ...(cleared.length > 0 && { $unset: Object.fromEntries(cleared.map((field) => [field, 1])) }),
  };
}

const callSignFields = (callSign: string): object => ({ callSign, callSignKey: nameKey(callSign) });
const registrationFields = (registration: string): object => ({
  registration,
  registrationKey: nameKey(registration),
});
const boxCodeFields = (boxCode: string): object => ({ boxCode, boxCodeKey: boxCode });
const statusFields = ({ status, at, recordedAt, by }: StatusChange): object => ({
  status,
  statusAt: at,
  statusRecordedAt: recordedAt,
  statusBy: by,
});

const TAKEN: Readonly<Record<string, () => Error>> = {
  callSignKey: callSignTaken,
  registrationKey: registrationTaken,
  boxCodeKey: boxCodeTaken,
};

function nameTaken(error: unknown): Error | undefined {
  return TAKEN[duplicateKeyField(error) ?? '']?.();
}

function toVehicle(record: LeanVehicle): Vehicle {
  const { callSign, registration, type, createdAt, updatedAt, version } = record;
  const id = record._id.toHexString();
  return {
    id,
    callSign,
    registration,
    type,
    lastStatus: {
      vehicleId: id,
      status: record.status,
      at: record.statusAt,
      recordedAt: record.statusRecordedAt,
      by: record.statusBy,
    },
    boxCode: record.boxCode ?? null,
    createdAt,
    updatedAt,
    archivedAt: record.archivedAt,
    clockBehindSince: record.clockBehindSince ?? null,
    version,
  };
}

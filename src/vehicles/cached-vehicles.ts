import { Inject, Injectable, Optional } from '@nestjs/common';
import { Cache, type CachedReads, UNCACHED } from '../cache/index.js';
import type { JsonOf } from '../core/index.js';
import type { UnitStatus } from './status-change.js';
import type { Vehicle } from './vehicle.js';
import { isVehicleId, VehiclesRepository } from './vehicles.repository.js';

const CACHE_TTL_MS = 30_000;
/** A command that adopts vehicles cannot reach this cache: they appear after this time. */
const STATUSES_TTL_MS = 10_000;
const STATUSES_KEY = 'all';

type Statuses = ReadonlyMap<string, UnitStatus>;

/**
 * Reads of vehicles for answers. A change reads the repository: it needs the current version. `VehicleWriter` calls `forget`,
 * so a read after the answer to a change gives the change, on every instance.
 */
@Injectable()
export class CachedVehicles {
  private readonly byId: CachedReads<Vehicle>;
  private readonly allStatuses: CachedReads<Statuses>;

  constructor(
    private readonly vehicles: VehiclesRepository,
    @Inject(Cache) @Optional() cache: Cache | null,
  ) {
    this.byId =
      cache?.define<Vehicle>({
        name: 'vehicles',
        ttlMs: CACHE_TTL_MS,
        tier: 'shared',
        fromJson: vehicleOfJson,
      }) ?? UNCACHED;
    this.allStatuses =
      cache?.define<Statuses>({
        name: 'vehicle-statuses',
        ttlMs: STATUSES_TTL_MS,
        tier: 'shared',
        maxEntries: 1,
        toJson: (statuses) => [...statuses],
        fromJson: (entries: [string, UnitStatus][]) => new Map(entries),
      }) ?? UNCACHED;
  }

  /** @throws vehicles/not-found */
  getIncludingArchived(id: string): Promise<Vehicle> {
    const load = (): Promise<Vehicle> => this.vehicles.getIncludingArchived(id);
    return isVehicleId(id) ? this.byId.get(id.toLowerCase(), load) : load();
  }

  /** The status of every vehicle in service, by id. */
  statuses(): Promise<Statuses> {
    return this.allStatuses.get(STATUSES_KEY, () => this.vehicles.statuses());
  }

  /** Never rejects. */
  async forget(id: string): Promise<void> {
    await Promise.all([this.byId.forget(id), this.allStatuses.forget(STATUSES_KEY)]);
  }
}

function vehicleOfJson(json: JsonOf<Vehicle>): Vehicle {
  const { lastStatus, createdAt, updatedAt, archivedAt, clockBehindSince, ...rest } = json;
  return {
    ...rest,
    lastStatus: { ...lastStatus, at: new Date(lastStatus.at), recordedAt: new Date(lastStatus.recordedAt) },
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
    archivedAt: archivedAt === null ? null : new Date(archivedAt),
    clockBehindSince: clockBehindSince === null ? null : new Date(clockBehindSince),
  };
}

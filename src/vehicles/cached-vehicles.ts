import { Inject, Injectable, Optional } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';
import { Cache, type CachedReads, UNCACHED } from '../cache/index.js';
import { DomainError, type JsonOf } from '../core/index.js';
import { vehicleNotFound } from './vehicle.errors.js';
import type { Vehicle } from './vehicle.js';
import { isVehicleId, VehiclesRepository } from './vehicles.repository.js';

const CACHE_TTL_MS = 30_000;
/** The vehicles of a longer list are read from storage: most of them would not be in the cache. */
const MAX_CACHED_READS = 20;

/**
 * Reads of vehicles for answers. A change reads the repository: it needs the current version. `VehicleWriter` calls `forget`,
 * so a read after the answer to a change gives the change, on every instance.
 */
@Injectable()
export class CachedVehicles {
  private readonly byId: CachedReads<Vehicle>;

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
  }

  /** @throws vehicles/not-found */
  getIncludingArchived(id: string): Promise<Vehicle> {
    const load = (): Promise<Vehicle> => this.vehicles.getIncludingArchived(id);
    return isVehicleId(id) ? this.byId.get(id.toLowerCase(), load) : load();
  }

  /** The vehicles of these ids that are in service, in no order. */
  async findMany(ids: readonly string[]): Promise<Vehicle[]> {
    if (ids.length > MAX_CACHED_READS) return this.vehicles.findMany(ids);
    let missing: string[] = [];
    let reading: Promise<readonly Vehicle[]> | null = null;
    // Ids that are missing in the cache in the same turn are read from storage together. `getIncludingArchived` may share it.
    const load = async (id: string): Promise<Vehicle> => {
      missing.push(id);
      reading ??= setImmediate().then(() => {
        const batch = missing;
        missing = [];
        reading = null;
        return this.vehicles.findManyIncludingArchived(batch);
      });
      const vehicle = (await reading).find((each) => each.id === id);
      if (!vehicle) throw vehicleNotFound();
      return vehicle;
    };
    const found = await Promise.all(
      ids.map((id) => this.byId.get(id, () => load(id)).catch(nullForNotFound)),
    );
    return found.filter((vehicle): vehicle is Vehicle => vehicle?.archivedAt === null);
  }

  /** Never rejects. */
  forget(id: string): Promise<void> {
    return this.byId.forget(id);
  }
}

function nullForNotFound(error: unknown): null {
  if (error instanceof DomainError && error.code === 'vehicles/not-found') return null;
  throw error;
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

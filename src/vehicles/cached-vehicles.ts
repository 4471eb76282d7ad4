import { Inject, Injectable, Optional } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Cache, type CachedReads, UNCACHED } from '../cache/index.js';
import { DomainError, type JsonOf } from '../core/index.js';
import type { UnitStatus } from './status-change.js';
import { vehicleNotFound } from './vehicle.errors.js';
import type { Vehicle } from './vehicle.js';
import { isVehicleId, VehiclesRepository } from './vehicles.repository.js';

const CACHE_TTL_MS = 30_000;
/** A command that adopts vehicles cannot reach this cache: they appear after this time. */
const STATUSES_TTL_MS = 10_000;
const STATUSES_KEY = 'all';
/** The vehicles of a longer list are read from storage: most of them would not be in the cache. */
const MAX_CACHED_READS = 20;

type Statuses = ReadonlyMap<string, UnitStatus>;

/**
 * Reads of vehicles for answers. A change reads the repository: it needs the current version. `VehicleWriter` calls `forget`,
 * so a read after the answer to a change gives the change, on every instance.
 */
@Injectable()
export class CachedVehicles {
  private readonly byId: CachedReads<Vehicle>;
  /** Version of the statuses of all vehicles. A change removes it; the next reader makes a new one. */
  private readonly statusesVersion: CachedReads<string>;
  /** The statuses of the newest version that was read here. */
  private known: { readonly version: string; readonly statuses: Promise<Statuses> } | null = null;

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
    this.statusesVersion =
      cache?.define<string>({
        name: 'vehicle-statuses-version',
        ttlMs: STATUSES_TTL_MS,
        tier: 'shared',
        maxEntries: 1,
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

  /**
   * The status of every vehicle in service, by id; the same map until one of them changes. Only its version is in the cache,
   * because all statuses of a large fleet would be half a megabyte for each read.
   */
  async statuses(): Promise<Statuses> {
    // Read before the statuses: a change that they do not have makes another version.
    const version = await this.statusesVersion.get(STATUSES_KEY, () => Promise.resolve(randomUUID()));
    if (this.known?.version !== version) {
      const statuses = this.vehicles.statuses();
      const loading = { version, statuses };
      this.known = loading;
      statuses.catch(() => {
        if (this.known === loading) this.known = null;
      });
    }
    return this.known.statuses;
  }

  /** Never rejects. */
  async forget(id: string): Promise<void> {
    await Promise.all([this.byId.forget(id), this.statusesVersion.forget(STATUSES_KEY)]);
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

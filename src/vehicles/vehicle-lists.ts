import { Inject, Injectable, Optional } from '@nestjs/common';
import { Cache, type MemoryReads } from '../cache/index.js';
import { EventBus, pageOf, type PageRequest } from '../core/index.js';
import type { UnitStatus } from './status-change.js';
import type { VehicleChange } from './vehicle-changes.js';
import { pageItemOf, type VehiclePage, vehiclePageBytes, revisePage } from './vehicle-page.js';
import { toVehicleView } from './vehicle.js';
import { type VehicleFilter, VehiclesRepository } from './vehicles.repository.js';

/** A command that adopts vehicles cannot reach this memory: they appear after this time. */
const TTL_MS = 10_000;
/** About 200 pages of 100 vehicles. */
const MAX_PAGE_BYTES = 16_000_000;

interface VersionedStatus {
  readonly status: UnitStatus;
  readonly version: number;
}

/** The status of every vehicle in service, by id. */
export type VehicleStatuses = ReadonlyMap<string, VersionedStatus>;

/**
 * Pages of vehicles and the statuses of all, in memory. Each `vehicle.changed` revises them in place, so that a fleet in which
 * statuses change all the time is not read again for each change. Memory is used only while the changes of every instance
 * arrive here. ADR 26.
 */
@Injectable()
export class VehicleLists {
  /** null in commands, which end before they would read twice. */
  private readonly pages: MemoryReads<VehiclePage> | null;
  private readonly allStatuses: MemoryReads<Map<string, VersionedStatus>> | null;

  constructor(
    private readonly vehicles: VehiclesRepository,
    @Inject(Cache) @Optional() cache: Cache | null,
    events: EventBus,
  ) {
    const [ttlMs, tier] = [TTL_MS, 'process'] as const;
    const size = { maxBytes: MAX_PAGE_BYTES, bytesOf: vehiclePageBytes };
    this.pages = cache && cache.define<VehiclePage>({ name: 'vehicle-pages', ttlMs, tier, size });
    this.allStatuses = cache && cache.define({ name: 'vehicle-statuses', ttlMs, tier, maxEntries: 1 });
    events.subscribe('vehicle.changed', (change) => {
      this.pages?.revise((page) => revisePage(page, change));
      this.allStatuses?.revise((statuses) => reviseStatuses(statuses, change));
    });
  }

  /** Vehicles in service in the order of registration. Use the page before the next `await`: it changes in place. */
  page({ afterId, limit }: PageRequest, filter: VehicleFilter): Promise<VehiclePage> {
    const { status, type, prefix } = filter;
    const load = async (): Promise<VehiclePage> => {
      const found = await this.vehicles.list(afterId, limit + 1, filter);
      const { items, nextCursor } = pageOf(found, limit);
      return {
        afterId,
        isFiltered: status !== undefined || type !== undefined || prefix !== undefined,
        items: items.map((vehicle) => pageItemOf(toVehicleView(vehicle, null), vehicle.version)),
        nextCursor,
      };
    };
    return this.pages?.get(JSON.stringify([afterId, limit, status, type, prefix]), load) ?? load();
  }

  /** Another map when it was read from storage; until then the same one, changed in place. */
  statuses(): Promise<VehicleStatuses> {
    const load = (): Promise<Map<string, VersionedStatus>> => this.vehicles.statuses();
    return this.allStatuses?.get('all', load) ?? load();
  }

  /** Call it after a write that may have changed a vehicle without an event. */
  clear(): void {
    this.pages?.clear();
    this.allStatuses?.clear();
  }
}

function reviseStatuses(
  statuses: Map<string, VersionedStatus>,
  { vehicle: { id, status }, version, isArchived }: VehicleChange,
): true {
  if ((statuses.get(id)?.version ?? 0) >= version) return true;
  if (isArchived) statuses.delete(id);
  else statuses.set(id, { status, version });
  return true;
}

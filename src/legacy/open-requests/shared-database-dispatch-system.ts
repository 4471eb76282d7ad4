import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import {
  type AssignedRequest,
  DispatchSystem,
  type StoredTracking,
  type VehiclePosition,
} from '../../crew-events/index.js';
import { LegacyRoles } from '../roles/legacy-roles.js';
import { AmbulanceDirectory } from '../shared-collections/ambulance-directory.js';
import { AmbulancesRepository } from '../shared-collections/ambulances.repository.js';
import { StoredTrackingsRepository } from '../shared-collections/stored-trackings.repository.js';
import { OpenRequestsService } from './open-requests.service.js';

/** The requests' collection has no index for this query, so it is read at most this often. */
const CACHE_TTL_MS = 5_000;

/** The port of the crew events to the old dispatch system, on the shared database. */
@Injectable()
export class SharedDatabaseDispatchSystem extends DispatchSystem {
  private readonly logger = new Logger(SharedDatabaseDispatchSystem.name);
  private readonly refreshedIds = new Set<string>();
  private refreshedAtMs = -Infinity;

  constructor(
    private readonly requests: OpenRequestsService,
    private readonly directory: AmbulanceDirectory,
    private readonly ambulances: AmbulancesRepository,
    private readonly trackings: StoredTrackingsRepository,
    private readonly roles: LegacyRoles,
    private readonly clock: Clock,
  ) {
    super();
  }

  async refresh(vehicleIds: Iterable<string>): Promise<void> {
    const wanted = [...vehicleIds];
    const nowMs = this.clock.nowMs();
    const isFresh = nowMs - this.refreshedAtMs < CACHE_TTL_MS && nowMs >= this.refreshedAtMs;
    if (wanted.length === 0 || (isFresh && wanted.every((id) => this.refreshedIds.has(id)))) return;
    this.refreshedAtMs = nowMs;
    if (!isFresh) this.refreshedIds.clear();
    for (const id of wanted) this.refreshedIds.add(id);
    await this.requests
      .refreshNow(wanted)
      .catch((error: unknown) => this.logger.debug({ err: error }, 'open requests not readable'));
  }

  requestOf(vehicleId: string, { lat, lon, speedMps }: VehiclePosition): AssignedRequest | null {
    return this.requests.peek(vehicleId, { lat, lon, speedMps: speedMps ?? null });
  }

  ambulanceIds(vehicleIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.directory.resolve(vehicleIds);
  }

  hasAmbulance(ambulanceId: string): Promise<boolean> {
    return this.ambulances.exists(ambulanceId);
  }

  get isNotifier(): boolean {
    return this.roles.isWriter;
  }

  async shadowsOf<T extends { readonly roleEpoch?: number }>(items: readonly T[]): Promise<ReadonlySet<T>> {
    const shadows = new Set(items);
    for (const each of await this.roles.ours(items)) shadows.delete(each);
    return shadows;
  }

  storedTrackings(): Promise<ReadonlyMap<string, StoredTracking>> {
    return this.trackings.list();
  }
}

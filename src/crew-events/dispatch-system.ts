import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../core/index.js';
import { AmbulanceDirectory } from '../legacy/shared-collections/index.js';
import { OpenRequestsService } from '../legacy/open-requests/index.js';
import type { AssignedRequest } from './crew-event-rules.js';

/** The other programs' collection has no index that would help; who is on a request is known so much later. */
const CACHE_TTL_MS = 5_000;

interface Place {
  readonly lat: number;
  readonly lon: number;
  readonly speedMps?: number;
}

/** What other programs know of a vehicle: by which id, and which request it is on. */
@Injectable()
export class DispatchSystem {
  private readonly logger = new Logger(DispatchSystem.name);
  private readonly known = new Set<string>();
  private freshAtMs = -Infinity;

  constructor(
    private readonly requests: OpenRequestsService,
    private readonly directory: AmbulanceDirectory,
    private readonly clock: Clock,
  ) {}

  /** Never rejects: an event is worth more than the request that it belongs to. */
  async refresh(vehicleIds: Iterable<string>): Promise<void> {
    const wanted = [...vehicleIds];
    const nowMs = this.clock.nowMs();
    const isFresh = nowMs - this.freshAtMs < CACHE_TTL_MS && nowMs >= this.freshAtMs;
    if (wanted.length === 0 || (isFresh && wanted.every((id) => this.known.has(id)))) return;
    this.freshAtMs = nowMs;
    if (!isFresh) this.known.clear();
    for (const id of wanted) this.known.add(id);
    await this.requests
      .refreshNow(wanted)
      .catch((error: unknown) => this.logger.debug({ err: error }, 'open requests could not be read'));
  }

  /** As far as is known. */
  requestOf(vehicleId: string, { lat, lon, speedMps }: Place): AssignedRequest | null {
    return this.requests.peek(vehicleId, { lat, lon, speedMps: speedMps ?? null });
  }

  /** By which ids the other programs know them; those that they do not know are left out. */
  ambulanceIds(vehicleIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.directory.resolve(vehicleIds);
  }
}

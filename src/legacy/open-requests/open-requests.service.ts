import { Injectable, Logger } from '@nestjs/common';
import { Clock, Metrics } from '../../core/index.js';
import { AmbulanceDirectory } from '../shared-collections/ambulance-directory.js';
import { type OpenRequestRecord, OpenRequestsRepository } from './open-requests.repository.js';
import { DrivingTimes } from './driving-times.js';
import { greatCircleMinutes } from '../shared-collections/travel-time.js';

/** Delay until a new request is visible. The requests' collection has no index for the query, so reads are rare. */
const CACHE_TTL_MS = 5_000;

/** Source of an estimate. */
type TravelTimeSource = 'routes' | 'great-circle';

export interface OpenRequest {
  readonly requestId: string;
  /** As the old system writes it; "" when absent. */
  readonly status: string;
  /** As the old system writes it; "" when absent. */
  readonly requestType: string;
  /** Time to the destination in minutes, a fraction; null when unknown. */
  readonly estimatedMinutes: number | null;
  /** null when `estimatedMinutes` is null. */
  readonly estimatedBy: TravelTimeSource | null;
}

export interface VehiclePosition {
  readonly lat: number;
  readonly lon: number;
  /** Metres per second; null when unknown. */
  readonly speedMps: number | null;
}

/**
 * The open request of each vehicle and the time to its destination. Answers come from memory at once. An answer older
 * than 5 s starts a read in the background; the next call gets its result.
 */
@Injectable()
export class OpenRequestsService {
  private readonly logger = new Logger(OpenRequestsService.name);
  private byAmbulance: ReadonlyMap<string, OpenRequestRecord> = new Map();
  private ambulances: ReadonlyMap<string, string> = new Map();
  private readonly wantedVehicleIds = new Set<string>();
  private readAtMs = -Infinity;
  private reading: Promise<void> | null = null;
  private readonly answers;

  constructor(
    private readonly requests: OpenRequestsRepository,
    private readonly directory: AmbulanceDirectory,
    private readonly roads: DrivingTimes,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    this.answers = metrics.counter({
      name: 'samserver_legacy_time_left_total',
      help: 'Times to a destination that were sent to old panels, by source; none: unknown.',
      labelNames: ['way'],
    });
  }

  /** The open request of the vehicle, for an old panel; null when none is known. */
  requestOf(vehicleId: string, place: VehiclePosition): OpenRequest | null {
    this.wantedVehicleIds.add(vehicleId);
    this.refresh();
    const found = this.peek(vehicleId, place);
    if (found) this.answers.inc({ way: found.estimatedBy ?? 'none' });
    return found;
  }

  /** Like `requestOf`, without a refresh and without counting: for callers that use `refreshNow`. */
  peek(vehicleId: string, place: VehiclePosition): OpenRequest | null {
    const request = this.byAmbulance.get(this.ambulances.get(vehicleId) ?? vehicleId);
    if (!request) return null;
    const { id: requestId, status, requestType } = request;
    return { requestId, status, requestType, ...this.estimateTimeLeft(vehicleId, request, place) };
  }

  /** Reads the open requests, and the ids of these vehicles, into memory. @throws storage/unavailable */
  async refreshNow(vehicleIds: Iterable<string>): Promise<void> {
    for (const id of vehicleIds) this.wantedVehicleIds.add(id);
    // A read under way does not include these vehicles.
    await this.reading;
    await this.read();
  }

  private estimateTimeLeft(
    vehicleId: string,
    { destination }: OpenRequestRecord,
    place: VehiclePosition,
  ): Pick<OpenRequest, 'estimatedMinutes' | 'estimatedBy'> {
    if (!destination) return { estimatedMinutes: null, estimatedBy: null };
    const byRoad = this.roads.minutesOf(vehicleId, place, destination);
    if (byRoad !== null) return { estimatedMinutes: byRoad, estimatedBy: 'routes' };
    const minutes = greatCircleMinutes(place, destination, place.speedMps ?? undefined);
    return { estimatedMinutes: minutes, estimatedBy: minutes === null ? null : 'great-circle' };
  }

  private refresh(): void {
    const ageMs = this.clock.nowMs() - this.readAtMs;
    if (this.reading || (ageMs >= 0 && ageMs < CACHE_TTL_MS)) return;
    this.reading = this.read()
      .catch((error: unknown) => this.logger.debug({ err: error }, 'open requests not readable'))
      .finally(() => (this.reading = null));
  }

  private async read(): Promise<void> {
    // Set before the read, so that an outage does not cause a read with every frame.
    this.readAtMs = this.clock.nowMs();
    const vehicleIds = [...this.wantedVehicleIds];
    this.wantedVehicleIds.clear();
    const [open, ambulances] = await Promise.all([this.requests.list(), this.directory.resolve(vehicleIds)]);
    // The oldest of several, as the old server and its programs take it: a map keeps the last value of a key.
    this.byAmbulance = new Map(open.toReversed().map((request) => [request.ambulanceId, request]));
    this.ambulances = new Map([...this.ambulances, ...ambulances]);
  }
}

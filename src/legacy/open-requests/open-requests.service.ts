import { Injectable, Logger } from '@nestjs/common';
import { Clock, Metrics } from '../../core/index.js';
import { AmbulanceDirectory } from '../shared-collections/index.js';
import { type OpenRequestRecord, OpenRequestsRepository } from './open-requests.repository.js';
import { DrivingTimes } from './driving-times.js';
import { greatCircleMinutes } from '../shared-collections/travel-time.js';

/** Panels bear that a new request shows so much later; the other programs' collection has no index that would help. */
const CACHE_TTL_MS = 5_000;

/** How a time left was found. */
export type TravelTimeSource = 'routes' | 'great-circle';

export interface OpenRequest {
  readonly requestId: string;
  /** In the old server's words; "" when it has none. */
  readonly status: string;
  /** In the old server's words; "" when it has none. */
  readonly requestType: string;
  /** Until it is there, in whole minutes; null when nobody knows. */
  readonly estimatedMinutes: number | null;
  /** null without a time. */
  readonly estimatedBy: TravelTimeSource | null;
}

export interface VehiclePosition {
  readonly lat: number;
  readonly lon: number;
  /** Metres per second; null when it is not known. */
  readonly speedMps: number | null;
}

/**
 * Which vehicle is on a request, and how long until it is there. Answered from memory and never in the way: what is older
 * than a few seconds is given once more, and read anew behind it.
 */
@Injectable()
export class OpenRequestsService {
  private readonly logger = new Logger(OpenRequestsService.name);
  private byAmbulance: ReadonlyMap<string, OpenRequestRecord> = new Map();
  private ambulances: ReadonlyMap<string, string> = new Map();
  private readonly asked = new Set<string>();
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
      help: 'Times left to a destination that old panels were told, by the way they were found; none: nobody knew.',
      labelNames: ['way'],
    });
  }

  /** null: the vehicle is on none, as far as is known. */
  of(vehicleId: string, place: VehiclePosition): OpenRequest | null {
    this.asked.add(vehicleId);
    this.refresh();
    const found = this.peek(vehicleId, place);
    if (found) this.answers.inc({ way: found.estimatedBy ?? 'none' });
    return found;
  }

  /** `of` what is known now, for those who saw to it that it is fresh; not told to panels, so not counted. */
  peek(vehicleId: string, place: VehiclePosition): OpenRequest | null {
    const request = this.byAmbulance.get(this.ambulances.get(vehicleId) ?? vehicleId);
    if (!request) return null;
    const { id: requestId, status, requestType } = request;
    return { requestId, status, requestType, ...this.estimateTimeLeft(vehicleId, request, place) };
  }

  /** Resolves when what is known is as new as it may be. @throws storage/unavailable */
  async refreshNow(vehicleIds: Iterable<string>): Promise<void> {
    for (const id of vehicleIds) this.asked.add(id);
    // One that is under way was begun before it was asked for these.
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
      .catch((error: unknown) => this.logger.debug({ err: error }, 'open requests could not be read'))
      .finally(() => (this.reading = null));
  }

  private async read(): Promise<void> {
    // Also when it fails: in an outage nobody is to ask with every frame.
    this.readAtMs = this.clock.nowMs();
    const asked = [...this.asked];
    this.asked.clear();
    const [open, ambulances] = await Promise.all([this.requests.list(), this.directory.resolve(asked)]);
    this.byAmbulance = new Map(open.map((request) => [request.ambulanceId, request]));
    this.ambulances = new Map([...this.ambulances, ...ambulances]);
  }
}

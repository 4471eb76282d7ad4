import { Inject, Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Clock, entryLimit, type LatLon } from '../../core/index.js';

/** Each request costs money, and traffic changes slowly. Applies to failed requests too. */
const CACHE_TTL_MS = 60_000;
const MAX_CACHED = 10_000;
const MAX_CONCURRENT = 4;
const TIMEOUT_MS = 3_000;
/** A normal answer has a few hundred characters. */
const MAX_ANSWER_CHARS = 100_000;
const ADDRESS = 'https://routes.googleapis.com/directions/v2:computeRoutes';

/** Token of the `GoogleRoutesClient`; null without GOOGLE_MAP_KEY. */
export const ROUTES_CLIENT = Symbol('ROUTES_CLIENT');

interface CachedTime {
  readonly to: LatLon;
  /** null: the request failed. */
  readonly minutes: number | null;
  readonly atMs: number;
}

/** Driving times of vehicles, answered from memory and requested in the background. */
@Injectable()
export class DrivingTimes {
  private readonly cached = new LRUCache<string, CachedTime>(entryLimit(MAX_CACHED));
  private readonly inFlight = new Set<string>();

  constructor(
    @Inject(ROUTES_CLIENT) private readonly routes: Pick<GoogleRoutesClient, 'findMinutes'> | null,
    private readonly clock: Clock,
  ) {}

  /** Whole minutes, at most 60 s old; null when none is known. Starts a request when the time is missing or too old. */
  minutesOf(vehicleId: string, from: LatLon, to: LatLon): number | null {
    const cached = this.cached.get(vehicleId);
    const isSame = cached?.to.lat === to.lat && cached.to.lon === to.lon;
    if (cached && isSame && this.clock.nowMs() - cached.atMs < CACHE_TTL_MS) return cached.minutes;
    void this.request(vehicleId, from, to);
    return null;
  }

  private async request(vehicleId: string, from: LatLon, to: LatLon): Promise<void> {
    if (!this.routes || this.inFlight.has(vehicleId) || this.inFlight.size >= MAX_CONCURRENT) return;
    this.inFlight.add(vehicleId);
    const minutes = await this.routes.findMinutes(from, to);
    this.inFlight.delete(vehicleId);
    this.cached.set(vehicleId, { to, minutes, atMs: this.clock.nowMs() });
  }
}

interface GoogleRoutesClientOptions {
  readonly key: string;
  /** Default: the Routes API. */
  readonly address?: string;
  readonly timeoutMs?: number;
}

/**
 * Driving times in current traffic from the Google Routes API, method `computeRoutes`. The old server used the Distance
 * Matrix API, which accepts no new keys. The key is sent in a header only.
 * https://developers.google.com/maps/documentation/routes/compute_route_directions
 */
export class GoogleRoutesClient {
  private readonly logger = new Logger(GoogleRoutesClient.name);

  constructor(private readonly options: GoogleRoutesClientOptions) {}

  /** Whole minutes; null without a usable answer within the time limit. Never throws. */
  async findMinutes(from: LatLon, to: LatLon): Promise<number | null> {
    try {
      const answer = await fetch(this.options.address ?? ADDRESS, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-goog-api-key': this.options.key,
          'x-goog-fieldmask': 'routes.duration',
        },
        body: JSON.stringify({
          origin: waypoint(from),
          destination: waypoint(to),
          travelMode: 'DRIVE',
          routingPreference: 'TRAFFIC_AWARE',
        }),
        redirect: 'error',
        signal: AbortSignal.timeout(this.options.timeoutMs ?? TIMEOUT_MS),
      });
      const text = (await answer.text()).slice(0, MAX_ANSWER_CHARS);
      const minutes = answer.ok ? minutesIn(text) : null;
      if (minutes === null)
        this.logger.warn({ status: answer.status }, 'Routes API answer without a duration');
      return minutes;
    } catch (error) {
      const { name } = error as Error;
      this.logger.warn({ name }, 'Routes API request failed');
      return null;
    }
  }
}

function waypoint({ lat, lon }: LatLon): object {
  return { location: { latLng: { latitude: lat, longitude: lon } } };
}

/** `{routes: [{duration: "165s"}]}` */
function minutesIn(text: string): number | null {
  const { routes } = JSON.parse(text) as { readonly routes?: readonly { readonly duration?: unknown }[] };
  const duration = routes?.[0]?.duration;
  const seconds = typeof duration === 'string' ? /^(\d+(?:\.\d+)?)s$/.exec(duration)?.[1] : undefined;
  return seconds === undefined ? null : Math.round(Number(seconds) / 60);
}

import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { GoogleRoutesClient } from './google-routes-client.js';
import type { LatLon } from '../shared-collections/travel-time.js';

/** Each question costs money, and traffic does not change faster. */
const CACHE_TTL_MS = 60_000;
/** After no answer: whatever it is, it is not over in a second. */
const FAILURE_TTL_MS = 60_000;
const MAX_CONCURRENT = 4;
const MAX_KEPT = 10_000;

/** null: there is no key, and nobody is asked. */
export const ROUTES_CLIENT = Symbol('ROUTES_CLIENT');

interface CachedTime {
  readonly to: LatLon;
  readonly minutes: number | null;
  readonly atMs: number;
}

/** Times on the road, asked for beforehand and answered from memory. */
@Injectable()
export class DrivingTimes {
  private readonly cached = new Map<string, CachedTime>();
  private readonly inFlight = new Set<string>();

  constructor(
    @Inject(ROUTES_CLIENT) private readonly routes: Pick<GoogleRoutesClient, 'findMinutes'> | null,
    private readonly clock: Clock,
  ) {}

  /** Of the last answer, if it is good still; null: nobody knows (yet), and it is asked for. */
  minutesOf(vehicleId: string, from: LatLon, to: LatLon): number | null {
    if (!this.routes) return null;
    const cached = this.cached.get(vehicleId);
    const isSame = cached?.to.lat === to.lat && cached.to.lon === to.lon;
    const ageMs = cached && isSame ? this.clock.nowMs() - cached.atMs : Infinity;
    if (ageMs >= (cached?.minutes === null ? FAILURE_TTL_MS : CACHE_TTL_MS))
      void this.request(vehicleId, from, to);
    return ageMs < CACHE_TTL_MS ? (cached?.minutes ?? null) : null;
  }

  private async request(vehicleId: string, from: LatLon, to: LatLon): Promise<void> {
    if (!this.routes || this.inFlight.has(vehicleId) || this.inFlight.size >= MAX_CONCURRENT) return;
    this.inFlight.add(vehicleId);
    const minutes = await this.routes.findMinutes(from, to);
    this.inFlight.delete(vehicleId);
    this.cached.delete(vehicleId);
    this.cached.set(vehicleId, { to, minutes, atMs: this.clock.nowMs() });
    const [oldest] = this.cached.keys();
    if (this.cached.size > MAX_KEPT && oldest !== undefined) this.cached.delete(oldest);
  }
}

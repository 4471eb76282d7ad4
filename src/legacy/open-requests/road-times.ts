import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../common/index.js';
import { GoogleRoutes } from './google-routes.js';
import type { Place } from './time-left.js';

/** Each question costs money, and traffic does not change faster. */
const GOOD_FOR_MS = 60_000;
/** After no answer: whatever it is, it is not over in a second. */
const REST_MS = 60_000;
const MAX_AT_ONCE = 4;
const MAX_KEPT = 10_000;

/** null: there is no key, and nobody is asked. */
export const ROUTES = Symbol('ROUTES');

interface Known {
  readonly to: Place;
  readonly minutes: number | null;
  readonly atMs: number;
}

/** Times on the road, asked for beforehand and answered from memory. */
@Injectable()
export class RoadTimes {
  private readonly known = new Map<string, Known>();
  private readonly asking = new Set<string>();

  constructor(
    @Inject(ROUTES) private readonly routes: Pick<GoogleRoutes, 'findMinutes'> | null,
    private readonly clock: Clock,
  ) {}

  /** Of the last answer, if it is good still; null: nobody knows (yet), and it is asked for. */
  minutesOf(vehicleId: string, from: Place, to: Place): number | null {
    if (!this.routes) return null;
    const known = this.known.get(vehicleId);
    const isSame = known?.to.lat === to.lat && known.to.lon === to.lon;
    const ageMs = known && isSame ? this.clock.nowMs() - known.atMs : Infinity;
    if (ageMs >= (known?.minutes === null ? REST_MS : GOOD_FOR_MS)) void this.ask(vehicleId, from, to);
    return ageMs < GOOD_FOR_MS ? (known?.minutes ?? null) : null;
  }

  private async ask(vehicleId: string, from: Place, to: Place): Promise<void> {
    if (!this.routes || this.asking.has(vehicleId) || this.asking.size >= MAX_AT_ONCE) return;
    this.asking.add(vehicleId);
    const minutes = await this.routes.findMinutes(from, to);
    this.asking.delete(vehicleId);
    this.known.delete(vehicleId);
    this.known.set(vehicleId, { to, minutes, atMs: this.clock.nowMs() });
    const [oldest] = this.known.keys();
    if (this.known.size > MAX_KEPT && oldest !== undefined) this.known.delete(oldest);
  }
}

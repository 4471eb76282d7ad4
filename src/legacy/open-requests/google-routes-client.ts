import { Logger } from '@nestjs/common';
import type { LatLon } from '../shared-collections/travel-time.js';

const TIMEOUT_MS = 3_000;
/** An answer is a few hundred bytes. */
const MAX_ANSWER_CHARS = 100_000;
const ADDRESS = 'https://routes.googleapis.com/directions/v2:computeRoutes';

export interface GoogleRoutesClientOptions {
  readonly key: string;
  /** Another one for tests. */
  readonly address?: string;
  readonly timeoutMs?: number;
}

/**
 * The time on the road as traffic is now, by the Routes API (`computeRoutes`; the Distance Matrix that the old server asked
 * is closed to new keys). The key goes in a header and nowhere else.
 * https://developers.google.com/maps/documentation/routes/compute_route_directions
 */
export class GoogleRoutesClient {
  private readonly logger = new Logger(GoogleRoutesClient.name);

  constructor(private readonly options: GoogleRoutesClientOptions) {}

  /** Whole minutes; null when it does not say, in time. Never throws. */
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
      if (minutes === null) this.logger.warn({ status: answer.status }, 'the Routes API gave no time');
      return minutes;
    } catch (error) {
      const { name } = error as Error;
      this.logger.warn({ name }, 'the Routes API did not answer');
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

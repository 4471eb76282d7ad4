import { type Fix, parseTime } from '../../core/index.js';
import { isAttributes } from './attributes.js';

/** Why something cannot be a position: the field at fault, or `invalid_position` for what is not an object. */
export type RejectionCode = 'invalid_position' | 'invalid_lat' | 'invalid_lon' | 'invalid_time';

export type ParsedPosition =
  { readonly fix: Fix; readonly dropped: readonly string[] } | { readonly rejection: RejectionCode };

type OptionalField = Exclude<keyof Fix, 'lat' | 'lon' | 'timeMs'>;

/**
 * Whatever a device sent, as a fix: the one parse there is, for HTTP and sockets alike. Only place and time can reject
 * it; a fault in another field costs that field (`dropped`), because a bad battery reading must not lose an ambulance.
 * Unknown fields are left out in silence: newer devices may know more than this service.
 */
export function parsePosition(raw: unknown): ParsedPosition {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return { rejection: 'invalid_position' };
  const input = raw as Record<string, unknown>;
  const { lat, lon } = input;
  if (!isWithin(lat, -90, 90)) return { rejection: 'invalid_lat' };
  if (!isWithin(lon, -180, 180)) return { rejection: 'invalid_lon' };
  const timeMs = parseTime(input['time']);
  if (timeMs === null) return { rejection: 'invalid_time' };

  const optional: Partial<Record<OptionalField, unknown>> = {};
  const dropped: string[] = [];
  for (const [field, accept] of OPTIONAL_FIELDS) {
    const value = input[field];
    if (isAbsent(field, value)) continue;
    if (accept(value)) optional[field] = value;
    else dropped.push(field);
  }
  return { fix: { lat, lon, timeMs, ...(optional as Omit<Fix, 'lat' | 'lon' | 'timeMs'>) }, dropped };
}

const OPTIONAL_FIELDS: readonly (readonly [OptionalField, (value: unknown) => boolean])[] = [
  ['speedMps', (value) => isWithin(value, 0, 1_000)],
  // 360 is north as well as 0; receivers send both.
  ['headingDeg', (value) => isWithin(value, 0, 360)],
  ['accuracyM', (value) => isWithin(value, 0, 10_000_000)],
  ['altitudeM', (value) => isWithin(value, -1_000, 100_000)],
  ['batteryPct', (value) => isWithin(value, 0, 100)],
  ['ignition', (value) => typeof value === 'boolean'],
  ['attributes', isAttributes],
];

/** iOS says "unknown" with −1 for speed and course: absent, and no fault. */
function isAbsent(field: OptionalField, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return value === -1 && (field === 'speedMps' || field === 'headingDeg');
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && value >= min && value <= max;
}

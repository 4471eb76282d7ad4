import { parseTime, type Position, type RejectionCode } from '../../core/index.js';

type Fix = Omit<Position, 'vehicleId' | 'receivedAtMs'>;

export type ParsedPosition =
  | {
      readonly fix: Fix;
      /** Optional fields that were out of range and are left out of `fix`. */
      readonly dropped: readonly string[];
    }
  | { readonly rejection: RejectionCode };

type OptionalField =
  'speedMps' | 'headingDeg' | 'accuracyM' | 'altitudeM' | 'batteryPct' | 'ignition' | 'attributes';

/**
 * Parses one position as a device sends it, over HTTP and Socket.IO alike. Only `lat`, `lon` and `time` can reject it.
 * A fault in an optional field drops that field: a bad battery reading must not lose an ambulance. Unknown fields are
 * ignored without notice, because newer devices may send fields that this release does not support.
 */
export function parsePosition(raw: unknown): ParsedPosition {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return { rejection: 'invalid_position' };
  const input = raw as Readonly<Record<string, unknown>>;
  return parseMeasurements(input, parseTime(input['time']));
}

/**
 * Parses the fields of a position whose time is known already.
 * @param timeMs epoch milliseconds; null rejects the position
 * @param originalFields what a client of the old server sent; travels with the position
 */
export function parseMeasurements(
  input: Readonly<Record<string, unknown>>,
  timeMs: number | null,
  originalFields?: Position['originalFields'],
): ParsedPosition {
  const { lat, lon } = input;
  if (!isWithin(lat, -90, 90)) return { rejection: 'invalid_lat' };
  if (!isWithin(lon, -180, 180)) return { rejection: 'invalid_lon' };
  if (timeMs === null) return { rejection: 'invalid_time' };

  const fix: Fix = { lat, lon, timeMs };
  const optional = fix as Partial<Record<OptionalField, unknown>>;
  let dropped = NOTHING;
  for (const [field, isValid] of OPTIONAL_FIELDS) {
    const value = input[field];
    if (value === undefined || isAbsent(field, value)) continue;
    if (isValid(value)) optional[field] = value;
    else dropped = [...dropped, field];
  }
  return { fix: originalFields === undefined ? fix : { ...fix, originalFields }, dropped };
}

const NOTHING: readonly string[] = [];

const OPTIONAL_FIELDS: readonly (readonly [OptionalField, (value: unknown) => boolean])[] = [
  ['speedMps', (value) => isWithin(value, 0, 1_000)],
  // Receivers send both 0 and 360 for north.
  ['headingDeg', (value) => isWithin(value, 0, 360)],
  // A negative or huge radius quarantines the position. Without it, the position would count as a good one.
  ['accuracyM', Number.isFinite],
  ['altitudeM', (value) => isWithin(value, -1_000, 100_000)],
  ['batteryPct', (value) => isWithin(value, 0, 100)],
  ['ignition', (value) => typeof value === 'boolean'],
  ['attributes', isAttributes],
];

/** iOS sends −1 for an unknown speed or course: absent, not a fault. */
function isAbsent(field: OptionalField, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return value === -1 && (field === 'speedMps' || field === 'headingDeg');
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && value >= min && value <= max;
}

const MAX_ATTRIBUTES_BYTES = 2_048;
const MAX_ATTRIBUTES_DEPTH = 4;

/**
 * A plain object of JSON values, at most 2,048 bytes as JSON and four levels deep. MongoDB reads a key with a leading `$`
 * as an operator and a key with a dot as a path. Its driver reads an object with `_bsontype` as one of its own types and
 * throws when it writes it. So such keys are refused.
 */
function isAttributes(value: unknown): value is Record<string, unknown> {
  return (
    isPlainObject(value) &&
    isStorable(value, 1) &&
    Buffer.byteLength(JSON.stringify(value)) <= MAX_ATTRIBUTES_BYTES
  );
}

function isStorable(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (depth > MAX_ATTRIBUTES_DEPTH) return false;
  if (Array.isArray(value)) return value.every((item) => isStorable(item, depth + 1));
  return (
    isPlainObject(value) &&
    Object.entries(value).every(([key, item]) => isStorableKey(key) && isStorable(item, depth + 1))
  );
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isStorableKey(key: string): boolean {
  return /^[^$.\0][^.\0]{0,63}$/.test(key) && key !== '__proto__' && key !== '_bsontype';
}

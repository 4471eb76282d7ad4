const KMH_PER_MPS = 3.6;
const NUMBER = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i;
const MAX_NUMBER_LENGTH = 40;

/** The body that a box sent, unchanged. Numbers are often text. */
export type LegacyFields = Readonly<Record<string, unknown>>;

/** Adds a field as the old server's multer did: a name that occurs again becomes a list. Always an own property. */
export function addField(fields: Record<string, unknown>, name: string, value: string): void {
  const before = Object.hasOwn(fields, name) ? fields[name] : undefined;
  const both =
    before === undefined ? value : [...(Array.isArray(before) ? (before as unknown[]) : [before]), value];
  Object.defineProperty(fields, name, { value: both, enumerable: true, writable: true, configurable: true });
}

/** A number, or a text of at most 40 characters that is one; null for everything else. */
export function numberIn(value: unknown): number | null {
  const isText = typeof value === 'string' && value.length <= MAX_NUMBER_LENGTH && NUMBER.test(value);
  const number = isText ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** The box code in `ambulance_id` as text; null when it is neither text nor a number. */
export function boxCodeIn({ ambulance_id: code }: LegacyFields): string | null {
  return typeof code === 'string' || typeof code === 'number' ? String(code) : null;
}

/**
 * Converts a speed in metres per second for panels, by the rules of the old server's `*` operator.
 * @returns km/h; 0 for an empty text and for null; null (on the wire) for undefined, objects and texts that are no number
 */
export function speedKmh(value: unknown): number | null {
  const isScalar = typeof value !== 'object' && typeof value !== 'undefined' && typeof value !== 'symbol';
  const speedMps = value === null ? 0 : isScalar ? Number(value) : NaN;
  const kmh = speedMps * KMH_PER_MPS;
  return Number.isFinite(kmh) ? kmh : null;
}

/** The measurements under the names of `Position`, unbounded: `parseMeasurements` checks them. Absent ones are left out. */
export function measurementsIn(fields: LegacyFields): Record<string, number> {
  const { tracking_latitude, tracking_longitude, tracking_speed, tracking_heading } = fields;
  const given: readonly (readonly [string, number | null])[] = [
    ['lat', numberIn(tracking_latitude)],
    ['lon', numberIn(tracking_longitude)],
    ['speedMps', numberIn(tracking_speed)],
    ['headingDeg', numberIn(tracking_heading)],
  ];
  return Object.fromEntries(given.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

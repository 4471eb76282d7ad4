/** The pictures of a vehicle's newest request in `ambulance_images`. */
export interface NamedPost {
  /** Local time in the names, read as UTC, epoch milliseconds. */
  readonly wallMs: number;
  /** When it arrived, epoch milliseconds. */
  readonly atMs: number;
}

/** Newest posts that decide: a few vehicles, and no vehicle that left service long ago. */
const SAMPLE = 20;
/** Every offset in use is a multiple of it. The name of a post and its document are at most seconds apart. */
const STEP_MS = 900_000;
const MAX_OFFSET_MS = 14 * 3_600_000;

/**
 * Compares a time zone with the old server's, which is in the names of its pictures.
 * @returns the zones that fit, by name; null when the zone fits most of the newest posts, or when no zone fits
 */
export function fittingTimeZones(posts: readonly NamedPost[], timeZone: string): readonly string[] | null {
  const newest = posts
    .filter(({ wallMs, atMs }) => wallMs > 0 && Math.abs(wallMs - atMs) <= MAX_OFFSET_MS + STEP_MS)
    .toSorted((one, other) => other.atMs - one.atMs)
    .slice(0, SAMPLE);
  const wrong = newest.filter((post) => !fits(post, timeZone));
  if (wrong.length * 2 <= newest.length) return null;
  const zones = Intl.supportedValuesOf('timeZone').filter((zone) => wrong.every((post) => fits(post, zone)));
  return zones.length > 0 ? zones : null;
}

function fits({ wallMs, atMs }: NamedPost, timeZone: string): boolean {
  return Math.round((wallMs - atMs) / STEP_MS) * STEP_MS === offsetMs(timeZone, atMs);
}

function offsetMs(timeZone: string, atMs: number): number {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(atMs);
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours = '0', minutes = '0'] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

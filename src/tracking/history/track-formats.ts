import type { StoredPosition } from '../stored-position.js';

/** What a track file says of itself. */
export interface TrackHeader {
  readonly callSign: string;
  readonly vehicleId: string;
  readonly madeAt: Date;
}

/** One kind of file, written piece by piece: nothing in it depends on what comes later. */
export interface TrackFormat {
  readonly mediaType: string;
  readonly extension: string;
  head(header: TrackHeader): string;
  /** `previous` is the fix before the first of these, null at the beginning. */
  fixes(page: readonly StoredPosition[], previous: StoredPosition | null): string;
  tail(last: StoredPosition | null): string;
}

export const isoTime = (timeMs: number): string => new Date(timeMs).toISOString();

/** Plain digits: XML Schema's decimal knows no exponent, and not every reader of CSV does. */
export function decimal(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(15).replace(/\.?0+$/, '') : text;
}

import { createHash } from 'node:crypto';
import type { CrashAnswer, ImageAnswer } from '../../tools/client/index.js';
import type { PositionView } from '../../core/index.js';
import type { OldCrash, OldHistory, OldTracking } from '../old-store/index.js';
import type { ComparedItem } from './compared-item.js';

/** Seven decimals are a centimetre; both servers store the same double, but the old one through a text. */
const place = (value: unknown): string => (typeof value === 'number' ? value.toFixed(7) : 'none');
const kmhKey = (kmh: number | null): string => (kmh === null ? 'none' : kmh.toFixed(6));

/** A history of the old server has neither place nor heading, so only the speed distinguishes positions. */
export function oldPosition(box: string, { atMs, speedKmh, fields }: OldHistory): ComparedItem {
  const { createdAt } = fields;
  return {
    kind: 'position',
    box,
    // The id has seconds only.
    atMs: createdAt instanceof Date ? createdAt.getTime() : atMs,
    keys: [kmhKey(speedKmh)],
    fields: { speedKmh: rounded(speedKmh, 6) },
  };
}

export function samserverPosition(box: string, { receivedAt, speedMps }: PositionView): ComparedItem {
  const kmh = speedMps === undefined ? null : speedMps * 3.6;
  return {
    kind: 'position',
    box,
    atMs: Date.parse(receivedAt),
    keys: [kmhKey(kmh)],
    fields: { speedKmh: rounded(kmh, 6) },
  };
}

/** @param clean SHA-256 of the picture without its metadata; null when its structure is broken */
export function oldPicture(box: string, atMs: number, raw: string, clean: string | null): ComparedItem {
  const keys = clean === null || clean === raw ? [raw] : [raw, clean];
  return { kind: 'picture', box, atMs, keys, fields: {} };
}

export function samserverPicture(box: string, { createdAt, sha256 }: ImageAnswer): ComparedItem {
  return { kind: 'picture', box, atMs: Date.parse(createdAt), keys: [sha256], fields: {} };
}

export function oldCrash(box: string, { atMs, fields }: OldCrash): ComparedItem {
  const { createdAt, location, speed, heading } = fields;
  const { lat, lon } = (location ?? {}) as { readonly lat?: unknown; readonly lon?: unknown };
  return {
    kind: 'crash',
    box,
    atMs: createdAt instanceof Date ? createdAt.getTime() : atMs,
    keys: [`${place(lat)} ${place(lon)}`],
    // Two decimals in the old documents; the heading is text there, "nan" without one.
    fields: { lat, lon, speedKmh: rounded(numberOf(speed), 2), headingDeg: numberOf(heading) },
  };
}

export function samserverCrash(box: string, crash: CrashAnswer): ComparedItem {
  const { lat, lon, speedMps, headingDeg, reportedAt } = crash;
  return {
    kind: 'crash',
    box,
    atMs: Date.parse(reportedAt),
    keys: [`${place(lat)} ${place(lon)}`],
    fields: { lat, lon, speedKmh: speedMps === null ? null : rounded(speedMps * 3.6, 2), headingDeg },
  };
}

/** The vehicle's document as it is, and as Samserver would write it after one of its positions. */
export function oldTracking(box: string, { fields }: OldTracking): ComparedItem {
  const { updatedAt, count_datetime: countedAt, location, speed, heading } = fields;
  const at = updatedAt instanceof Date ? updatedAt : countedAt;
  const { lat, lon } = (location ?? {}) as { readonly lat?: unknown; readonly lon?: unknown };
  return {
    kind: 'tracking',
    box,
    atMs: at instanceof Date ? at.getTime() : 0,
    keys: [`${place(lat)} ${place(lon)}`],
    fields: { lat, lon, speed, heading },
  };
}

/** By the old server's rules: `speed` rounded up, 0 up to 1 km/h; heading 0 without one. */
export function trackingAfter(box: string, position: PositionView): ComparedItem {
  const { lat, lon, receivedAt, speedMps, headingDeg } = position;
  const kmh = (speedMps ?? 0) * 3.6;
  return {
    kind: 'tracking',
    box,
    atMs: Date.parse(receivedAt),
    keys: [`${place(lat)} ${place(lon)}`],
    fields: { lat, lon, speed: kmh <= 1 ? 0 : Math.ceil(kmh), heading: headingDeg ?? 0 },
  };
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

function rounded(value: number | null, digits: number): number | null {
  // As the old server rounds.
  return value === null ? null : Math.round(value * 10 ** digits) / 10 ** digits;
}

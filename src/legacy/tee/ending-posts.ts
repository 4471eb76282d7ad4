import type { LegacyFields } from '../legacy-fields.js';
import type { LegacyPostKind } from '../legacy-metrics.js';

/**
 * Why a request ends the process of the old server, or may end it:
 * - `speed`: a position without a finite speed. An update of the vehicle's document fails, and nothing catches it.
 * - `place`: a place that is infinite, or a list: the same, or with the distance from it.
 * - `nested`: a field of the report is an object or a list, or a name has brackets, which the old server's parsers turn into
 *   one. Looking for the box with it fails, or converting it to a number.
 * - `name`: a picture's file name that leads to no possible path.
 */
export type EndingClass = 'speed' | 'place' | 'nested' | 'name';

const REPORT_FIELDS = ['tracking_latitude', 'tracking_longitude', 'tracking_speed', 'tracking_heading'];
/** File systems allow 255 bytes; the old server puts at most 11 before the extension. */
const MAX_EXTENSION_BYTES = 240;

/** The request, as far as the old server's fate depends on it. */
export interface EndingCandidate {
  readonly kind: LegacyPostKind;
  readonly fields: LegacyFields;
  /** Of the pictures. */
  readonly filenames?: readonly string[];
}

/**
 * Judges by the rules of the old server's parsers (docs/old-clients.md), and a request that no box sends with severity: a
 * position that is not passed on is kept for later, a process that ends loses the requests of all boxes.
 * @returns null: it does not end the process. A crash report, which always does, is not looked at for that.
 */
export function endingClassOf({ kind, fields, filenames = [] }: EndingCandidate): EndingClass | null {
  if (Object.keys(fields).some((name) => name.includes('['))) return 'nested';
  if (!isPlainCode(fields['ambulance_id'])) return 'nested';
  if (kind === 'picture') return filenames.every(isPossibleName) ? null : 'name';
  if (REPORT_FIELDS.some((name) => isObject(fields[name]))) return 'nested';
  if (kind === 'crash') return null;
  if (!isNumeric(fields['tracking_speed'], (text) => Number.parseFloat(text) * 3.6)) return 'speed';
  return [fields['tracking_latitude'], fields['tracking_longitude']].every(isSafePlace) ? null : 'place';
}

/** Text and numbers are looked up as text. */
const isPlainCode = (code: unknown): boolean =>
  typeof code === 'number' || (typeof code === 'string' && !code.includes('\0'));

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

const isNumeric = (value: unknown, convert: (text: string) => number): boolean =>
  (typeof value === 'string' || typeof value === 'number') && Number.isFinite(convert(String(value)));

/** A place that is not a number is not stored, which does no harm. */
function isSafePlace(value: unknown): boolean {
  return value === undefined || value === null || Math.abs(Number(value)) !== Infinity;
}

/** The old server takes what follows the first dot, up to the next one. */
function isPossibleName(filename: string): boolean {
  const extension = filename.split('.')[1] ?? '';
  return Buffer.byteLength(extension) <= MAX_EXTENSION_BYTES && !/[\0/]/.test(extension);
}

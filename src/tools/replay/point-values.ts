import { booleanCell, MalformedCellError, numberCell, objectCell, timeCell } from './cells.js';
import type { TrackFix } from './track.js';

/** One point of a file cannot be played. The message names the value; the reader adds the place of the point. */
export class PointFault extends Error {}

/** A value with its name in the file: `column lat`, `ele of trkpt`, `features[3].properties.speed`. */
export interface NamedValue {
  readonly name: string;
  readonly value: unknown;
}

type PointField = Exclude<keyof TrackFix, 'timeMs'> | 'time';

const OPTIONAL_FIELDS = {
  speedMps: numberCell,
  headingDeg: numberCell,
  accuracyM: numberCell,
  altitudeM: numberCell,
  batteryPct: numberCell,
  ignition: booleanCell,
  attributes: objectCell,
} as const;

/**
 * Reads one point of any format.
 * @returns null for a point without a time
 * @throws PointFault for a malformed value, and without `lat` or `lon`
 */
export function readPoint(valueOf: (field: PointField) => NamedValue): TrackFix | null {
  const timeMs = read(valueOf('time'), timeCell);
  const place = { lat: required(valueOf('lat')), lon: required(valueOf('lon')) };
  const optional = Object.entries(OPTIONAL_FIELDS).flatMap(([field, cell]) => {
    const value = read<unknown>(valueOf(field as keyof typeof OPTIONAL_FIELDS), cell);
    return value === undefined ? [] : [[field, value]];
  });
  return timeMs === undefined
    ? null
    : { timeMs, ...place, ...(Object.fromEntries(optional) as Partial<TrackFix>) };
}

function required(named: NamedValue): number {
  const value = read(named, numberCell);
  if (value === undefined) throw new PointFault(`${named.name} is missing`);
  return value;
}

function read<T>({ name, value }: NamedValue, cell: (value: unknown) => T | undefined): T | undefined {
  try {
    return cell(value);
  } catch (error) {
    if (!(error instanceof MalformedCellError)) throw error;
    throw new PointFault(`${name}: ${error.message}`);
  }
}

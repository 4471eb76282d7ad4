import type { StoredPosition } from '../stored-position.js';
import { decimal, isoTime, type TrackFormat } from './track-formats.js';

const COLUMNS: readonly (readonly [name: string, (fix: StoredPosition) => string])[] = [
  ['time', ({ timeMs }) => isoTime(timeMs)],
  ['lat', ({ lat }) => decimal(lat)],
  ['lon', ({ lon }) => decimal(lon)],
  ['speed_mps', ({ speedMps }) => optional(speedMps)],
  ['heading_deg', ({ headingDeg }) => optional(headingDeg)],
  ['accuracy_m', ({ accuracyM }) => optional(accuracyM)],
  ['altitude_m', ({ altitudeM }) => optional(altitudeM)],
  ['battery_pct', ({ batteryPct }) => optional(batteryPct)],
  ['ignition', ({ ignition }) => (ignition === undefined ? '' : String(ignition))],
  ['received_at', ({ receivedAtMs }) => isoTime(receivedAtMs)],
];

/** RFC 4180 with a header. Numbers, times and booleans only: nothing in it ever needs a quote. */
export const CSV_FORMAT: TrackFormat = {
  mediaType: 'text/csv; charset=utf-8; header=present',
  extension: 'csv',
  head: () => `${COLUMNS.map(([name]) => name).join(',')}\r\n`,
  fixes: (page) => page.map((fix) => `${COLUMNS.map(([, cell]) => cell(fix)).join(',')}\r\n`).join(''),
  tail: () => '',
};

function optional(value: number | undefined): string {
  return value === undefined ? '' : decimal(value);
}

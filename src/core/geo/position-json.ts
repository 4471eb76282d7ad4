import { formatTime } from '../time/format-time.js';
import type { Position } from './position.js';

/** The same text as `JSON.stringify(toPositionView(position))`. */
export function positionJson(position: Position): string {
  const { lat, lon } = position;
  return `{"lat":${numberJson(lat)},"lon":${numberJson(lon)}${fieldsJson(position, position.altitudeM)}}`;
}

/** A point of GeoJSON (RFC 7946). The altitude is its third coordinate; the other fields are its properties. */
export function positionGeoJson(position: Position): string {
  const { lat, lon, altitudeM } = position;
  const place = `${numberJson(lon)},${numberJson(lat)}${altitudeM === undefined ? '' : `,${numberJson(altitudeM)}`}`;
  const properties = fieldsJson(position, undefined).slice(1);
  return `{"type":"Feature","geometry":{"type":"Point","coordinates":[${place}]},"properties":{${properties}}}`;
}

/** The fields after the place, in the order of `PositionView`, each after a comma. */
function fieldsJson(position: Position, altitudeM: number | undefined): string {
  const { speedMps, headingDeg, accuracyM, batteryPct, ignition, attributes } = position;
  let json = '';
  if (speedMps !== undefined) json += `,"speedMps":${numberJson(speedMps)}`;
  if (headingDeg !== undefined) json += `,"headingDeg":${numberJson(headingDeg)}`;
  if (accuracyM !== undefined) json += `,"accuracyM":${numberJson(accuracyM)}`;
  if (altitudeM !== undefined) json += `,"altitudeM":${numberJson(altitudeM)}`;
  if (batteryPct !== undefined) json += `,"batteryPct":${numberJson(batteryPct)}`;
  if (ignition !== undefined) json += `,"ignition":${ignition}`;
  if (attributes !== undefined) json += `,"attributes":${JSON.stringify(attributes)}`;
  return `${json},"time":"${formatTime(position.timeMs)}","receivedAt":"${formatTime(position.receivedAtMs)}"`;
}

/** JSON has no NaN and no Infinity. */
function numberJson(value: number): string {
  return Number.isFinite(value) ? `${value}` : 'null';
}

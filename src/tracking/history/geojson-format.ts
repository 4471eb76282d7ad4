import { type StoredPosition, toPositionView } from '../stored-position.js';
import type { TrackFormat } from './track-formats.js';

/**
 * RFC 7946: a FeatureCollection with one Point a fix, its time and measurements in `properties` under the API's own
 * names. Not a LineString: that would put all places before all times, and so either the month in memory or two reads
 * of a history that changes in between; and it cannot hold a single fix.
 */
export const GEOJSON_FORMAT: TrackFormat = {
  mediaType: 'application/geo+json',
  extension: 'geojson',
  head: ({ callSign, vehicleId }) =>
    `{"type":"FeatureCollection","name":${JSON.stringify(callSign)},"vehicleId":"${vehicleId}","features":[`,
  fixes: (page, previous) => `${previous === null ? '\n' : ',\n'}${page.map(feature).join(',\n')}`,
  tail: () => '\n]}\n',
};

function feature(fix: StoredPosition): string {
  const { lat, lon, altitudeM, ...properties } = toPositionView(fix);
  const coordinates = altitudeM === undefined ? [lon, lat] : [lon, lat, altitudeM];
  return JSON.stringify({ type: 'Feature', geometry: { type: 'Point', coordinates }, properties });
}

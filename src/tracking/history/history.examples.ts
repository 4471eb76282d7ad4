import { getSchemaPath } from '@nestjs/swagger';
import { PositionPageDto } from './history.dto.js';

/** One answer for each `format`; without one it is JSON. */
export const TRACK_EXAMPLES = {
  'application/json': { schema: { $ref: getSchemaPath(PositionPageDto) } },
  'application/gpx+xml': {
    example:
      '<gpx version="1.1" creator="Samserver" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>' +
      '<trkpt lat="48.137" lon="11.575"><time>2026-11-01T10:00:00.000Z</time></trkpt></trkseg></trk></gpx>',
  },
  'application/geo+json': {
    example: {
      type: 'FeatureCollection',
      features: [
        {
          type: 'Feature',
          geometry: { type: 'Point', coordinates: [11.575, 48.137] },
          properties: { time: '2026-11-01T10:00:00.000Z' },
        },
      ],
    },
  },
  'text/csv': {
    example:
      'time,lat,lon,speed_mps,heading_deg,accuracy_m,altitude_m,battery_pct,ignition,received_at\r\n' +
      '2026-11-01T10:00:00.000Z,48.137,11.575,13.9,87,5,519,83,true,2026-11-01T10:00:00.412Z\r\n',
  },
};

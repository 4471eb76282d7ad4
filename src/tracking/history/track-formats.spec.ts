import { describe, expect, it } from '@jest/globals';
import type { Position } from '../../core/index.js';
import { contentDisposition, trackFileName } from './track-export.service.js';
import { CSV_FORMAT, escapeXml, GEOJSON_FORMAT, GPX_FORMAT, type TrackFormat } from './track-formats.js';

const vehicleId = '66f0c0ffee0123456789abcd';
const startMs = Date.parse('2026-11-01T10:00:00.000Z');
const fix = (second: number, change: Partial<Position> = {}): Position => ({
  vehicleId,
  lat: 48.1,
  lon: 11.5,
  timeMs: startMs + second * 1_000,
  receivedAtMs: startMs + second * 1_000 + 250,
  ...change,
});
const full = fix(1, {
  lat: 48.163_506_626_905_09,
  speedMps: 12.5,
  headingDeg: 360,
  accuracyM: 5,
  altitudeM: -0.000_000_1,
  batteryPct: 83,
  ignition: false,
  attributes: { siren: true },
});

function file(format: TrackFormat, pages: readonly (readonly Position[])[], callSign = 'RTW 1'): string {
  let last: Position | null = null;
  let text = format.head({ callSign, vehicleId, madeAt: new Date(startMs) });
  for (const page of pages) {
    text += format.fixes(page, last);
    last = page.at(-1) ?? last;
  }
  return text + format.tail(last);
}

describe.each([
  ['csv', CSV_FORMAT],
  ['geojson', GEOJSON_FORMAT],
  ['gpx', GPX_FORMAT],
] as const)('%s', (_name, format) => {
  it('is the same file for any division into pages', () => {
    const fixes = [fix(0), full, fix(400), fix(401)];
    expect(file(format, [fixes.slice(0, 2), fixes.slice(2, 3), fixes.slice(3)])).toBe(file(format, [fixes]));
  });
});

describe('csv', () => {
  it('has a header, one line per position, and an empty cell for an unknown value', () => {
    expect(file(CSV_FORMAT, [[fix(0), full]]).split('\r\n')).toEqual([
      'time,lat,lon,speed_mps,heading_deg,accuracy_m,altitude_m,battery_pct,ignition,received_at,attributes',
      '2026-11-01T10:00:00.000Z,48.1,11.5,,,,,,,2026-11-01T10:00:00.250Z,',
      '2026-11-01T10:00:01.000Z,48.16350662690509,11.5,12.5,360,5,-0.0000001,83,false,2026-11-01T10:00:01.250Z,"{""siren"":true}"',
      '',
    ]);
  });
});

describe('geojson', () => {
  it('has one point per position with all its values', () => {
    expect(JSON.parse(file(GEOJSON_FORMAT, [[fix(0), full]], 'a"b'))).toMatchObject({
      type: 'FeatureCollection',
      name: 'a"b',
      features: [
        { type: 'Feature', geometry: { type: 'Point', coordinates: [11.5, 48.1] } },
        {
          geometry: { coordinates: [11.5, 48.163_506_626_905_09, -1e-7] },
          properties: { time: '2026-11-01T10:00:01.000Z', speedMps: 12.5, ignition: false },
        },
      ],
    });
  });

  it('of an empty track is valid GeoJSON', () => {
    expect(JSON.parse(file(GEOJSON_FORMAT, []))).toMatchObject({ features: [] });
  });
});

describe('gpx', () => {
  it('begins a new segment after a gap', () => {
    const text = file(GPX_FORMAT, [
      [fix(0), fix(300)],
      [fix(601), fix(602)],
    ]);
    expect(text.match(/<trkseg>/g)).toHaveLength(2);
    expect(text.match(/<\/trkseg>/g)).toHaveLength(2);
  });

  it('writes numbers that the schema allows: no exponent, longitude below 180, course below 360', () => {
    const text = file(GPX_FORMAT, [[full, fix(2, { lon: 180 })]]);
    expect(text).toContain('<ele>-0.0000001</ele>');
    expect(text).toContain('<tp:course>0</tp:course>');
    expect(text).toContain('lon="-180"');
  });

  it('escapes names, and replaces characters that XML forbids', () => {
    expect(escapeXml(`<R&D> "1" 'x'`)).toBe('&lt;R&amp;D&gt; &quot;1&quot; &apos;x&apos;');
    expect(escapeXml('a\u0000b\uffffc\ud800d🚑')).toBe('a\ufffdb\ufffdc\ufffdd🚑');
  });
});

describe('the name of a file', () => {
  const range = { vehicleId, fromMs: startMs, toMs: null, order: 'asc' } as const;

  it.each([
    ['RTW 1/83-1', 'RTW-1-83-1_20261101T100000Z_.gpx'],
    ['../../etc', 'etc_20261101T100000Z_.gpx'],
    ['🚑', 'vehicle_20261101T100000Z_.gpx'],
  ])('of %s', (callSign, name) => expect(trackFileName(callSign, range, 'gpx')).toBe(name));

  it('is given in ASCII and in UTF-8', () => {
    expect(contentDisposition('Ärzte-1.csv')).toBe(
      `attachment; filename="_rzte-1.csv"; filename*=UTF-8''%C3%84rzte-1.csv`,
    );
  });
});

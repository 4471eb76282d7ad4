import { afterEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { booleanCell, MalformedCellError, numberCell, objectCell, timeCell } from './cells.js';
import { readCsv } from './csv-reader.js';
import { readGeoJson } from './geojson-reader.js';
import { readGpx } from './gpx-reader.js';
import { readTracks } from './read-tracks.js';

const T0 = Date.UTC(2020, 0, 1);
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

describe('cells', () => {
  it.each([
    ['2020-01-01T00:00:00Z', T0],
    ['2020-01-01T00:00:00.123456Z', T0 + 123],
    ['2020-01-01 00:00', T0],
    ['2020/01/01 01:00:00+01', T0],
    ['2019-12-31T17:00:00-0700', T0],
    ['1901-12-13T20:45:52.207Z', Date.parse('1901-12-13T20:45:52.207Z')],
    [T0 / 1000, T0],
    [T0 + 0.7, T0],
    ['', undefined],
    [null, undefined],
  ])('reads the time %j', (value, expected) => expect(timeCell(value)).toBe(expected));

  it.each([
    'yesterday',
    '2020-02-30T00:00:00Z',
    '2016-12-31T23:59:60Z',
    '2020-01-01',
    '2020-01-01T25:00:00Z',
    true,
    Infinity,
  ])('refuses %j as a time', (value) => expect(() => timeCell(value)).toThrow(MalformedCellError));

  it.each(['NaN', '1,5', '0x10', '1e999', '12m', [], false])('refuses %j as a number', (value) =>
    expect(() => numberCell(value)).toThrow(MalformedCellError),
  );

  it.each([
    ['-1', -1],
    [' 1.5e2 ', 150],
    ['.5', 0.5],
    [7, 7],
    ['', undefined],
    [undefined, undefined],
  ])('reads the number %j', (value, expected) => expect(numberCell(value)).toBe(expected));

  it.each([
    ['true', true],
    ['0', false],
    [false, false],
    ['', undefined],
    [null, undefined],
  ])('reads %j as true or false', (value, expected) => expect(booleanCell(value)).toBe(expected));

  it.each([
    ['{"a":1}', { a: 1 }],
    [{ a: 1 }, { a: 1 }],
    ['', undefined],
    [null, undefined],
  ])('reads the object %j', (value, expected) => expect(objectCell(value)).toEqual(expected));

  it.each(['{', '[1]', '5', [1], 5])('refuses %j as an object', (value) =>
    expect(() => objectCell(value)).toThrow(MalformedCellError),
  );

  it.each(['yes', 2])('refuses %j as true or false', (value) =>
    expect(() => booleanCell(value)).toThrow(MalformedCellError),
  );
});

describe('readCsv', () => {
  it('finds columns by name, keeps order, faults and absences', () => {
    const track = readCsv(
      [
        '\uFEFFlat,lon,fix_time,speed_mps,course_deg,accuracy_m,altitude_m,device_write_time',
        '48.1,11.5,2020-01-01T00:00:02Z,-1,-1,65,30.6,2020-01-01T00:00:09Z',
        '95,11.5,2020-01-01T00:00:01Z,,,,,',
        '',
        '48.1,11.5,,,,,,',
      ].join('\r\n'),
      'a.csv',
    );
    expect(track).toEqual({
      name: 'a',
      file: 'a.csv',
      fixes: [
        {
          timeMs: T0 + 2000,
          lat: 48.1,
          lon: 11.5,
          speedMps: -1,
          headingDeg: -1,
          accuracyM: 65,
          altitudeM: 30.6,
        },
        { timeMs: T0 + 1000, lat: 95, lon: 11.5 },
      ],
      refused: [],
      withoutTime: ['line 5'],
      ignored: [],
    });
  });

  it.each([
    ['2020-01-01T00:00:00Z,1,x,', 'line 3: column lon: "x" is not a number'],
    ['2020-01-01T00:00:00Z,,2,', 'line 3: column lat is missing'],
    ['2016-12-31T23:59:60Z,1,2,', 'line 3: column fix_time: "2016-12-31T23:59:60Z" is not a time'],
    ['2020-01-01T00:00:00Z,1,2,NaN', 'line 3: column altitude_m: "NaN" is not a number'],
    ['2020-01-01T00:00:00Z,1', /^line 3: Invalid Record Length/],
    ['2020-01-01T00:00:00Z,1,2,3,4', /^line 3: Invalid Record Length/],
    ['2020-01-01T00:00:00Z,1"x,2,3', /^line 3: Invalid Opening Quote/],
  ])('refuses one line, with the column, and no other: %j', (bad, fault) => {
    const good = '2020-01-01T00:00:00Z,1,2,3';
    const track = readCsv(`fix_time,lat,lon,altitude_m\n${good}\n${bad}\n${good}\n`, 'a.csv');
    expect(track.refused).toEqual([expect.stringMatching(fault)]);
    expect(track.fixes).toHaveLength(2);
  });

  it('names the columns that are missing', () =>
    expect(() => readCsv('when,lat\n2020-01-01T00:00:00Z,1', 'a.csv')).toThrow(
      'a.csv: line 1: column fix_time or time, lon is missing',
    ));
});

describe('readGpx', () => {
  const gpx = (body: string): string => `<?xml version="1.0"?>\r\n<gpx version="1.1">\r\n${body}\r\n</gpx>`;

  it('reads all tracks and segments, GPX 1.0 fields and extensions of any prefix', () => {
    const track = readGpx(
      gpx(`<wpt lat="0" lon="0"/><trk><trkseg>
<trkpt lat="1" lon="2"><ele>30</ele><time>2020-01-01T00:00:00Z</time><course>90</course><speed>5</speed></trkpt>
<trkpt lat="1" lon="3"/>
</trkseg><trkseg/><trkseg>
<trkpt lat="1" lon="4"><time>2020-01-01T00:00:02Z</time><extensions><gpxtpx:TrackPointExtension>
<gpxtpx:speed>6.5</gpxtpx:speed><gpxtpx:course>91</gpxtpx:course></gpxtpx:TrackPointExtension></extensions></trkpt>
</trkseg></trk><trk><trkseg>
<trkpt lat="1" lon="5"><time>2020-01-01T00:00:01Z</time><extensions><speed>7</speed></extensions></trkpt>
</trkseg></trk>`),
      'b.gpx',
    );
    expect(track.fixes).toEqual([
      { timeMs: T0, lat: 1, lon: 2, altitudeM: 30, speedMps: 5, headingDeg: 90 },
      { timeMs: T0 + 2000, lat: 1, lon: 4, speedMps: 6.5, headingDeg: 91 },
      { timeMs: T0 + 1000, lat: 1, lon: 5, speedMps: 7 },
    ]);
    expect(track.withoutTime).toEqual(['line 5']);
    expect(track.ignored).toEqual(['wpt elements']);
  });

  it.each([
    ['<trkpt lat="x" lon="2"/>', 'lat of trkpt: "x" is not a number'],
    ['<trkpt lat="1"/>', 'lon of trkpt is missing'],
    [
      '<trkpt lat="1" lon="2"><time>2016-12-31T23:59:60Z</time></trkpt>',
      'time of trkpt: "2016-12-31T23:59:60Z" is not a time',
    ],
    [
      '<trkpt lat="1" lon="2"><ele>NaN</ele><time>2020-01-01T00:00:00Z</time></trkpt>',
      'ele of trkpt: "NaN" is not a number',
    ],
  ])('refuses one point, with line and field, and no other: %j', (bad, fault) => {
    const good = '<trkpt lat="1" lon="2"><time>2020-01-01T00:00:00Z</time></trkpt>';
    const track = readGpx(gpx(`<trk><trkseg>\n${good}\n${bad}\n${good}</trkseg></trk>`), 'b.gpx');
    expect(track.refused).toEqual([`line 5: ${fault}`]);
    expect(track.fixes).toHaveLength(2);
  });

  it.each([
    [gpx('<trk></trkseg>'), /line 3: Expected closing tag/],
    ['<kml></kml>', 'no gpx element'],
    ['not xml', 'line 1: '],
  ])('names the line of a fault of the whole file: %j', (text, message) =>
    expect(() => readGpx(text, 'b.gpx')).toThrow(message),
  );

  it('does not expand entities', () => {
    const levels = Array.from({ length: 30 }, (_, i) => `<!ENTITY e${i + 1} "&e${i};&e${i};">`).join('');
    const bomb = `<!DOCTYPE gpx [<!ENTITY e0 "lol">${levels}]><gpx><trk><name>&e30;</name><trkseg>
<trkpt lat="1" lon="2"><time>2020-01-01T00:00:00Z</time></trkpt></trkseg></trk></gpx>`;
    expect(readGpx(bomb, 'bomb.gpx').fixes).toHaveLength(1);
  });
});

describe('readGeoJson', () => {
  const feature = (geometry: unknown, properties: unknown): unknown => ({
    type: 'Feature',
    geometry,
    properties,
  });
  const read = (value: unknown) => readGeoJson(JSON.stringify(value), 'c.geojson');
  const line = {
    type: 'LineString',
    coordinates: [
      [2, 1, 30],
      [3, 1],
      [4, 1],
    ],
  };

  it.each([
    { coordinateProperties: { times: ['2020-01-01T00:00:00Z', null, T0 + 2000], speeds: [5, 6, 7] } },
    {
      coordTimes: ['2020-01-01T00:00:00Z', null, '2020-01-01T00:00:02Z'],
      coordinateProperties: { speeds: [5, 6, 7] },
    },
  ])('reads a LineString with times: %j', (properties) => {
    const track = read(feature(line, properties));
    expect(track.fixes).toEqual([
      { timeMs: T0, lat: 1, lon: 2, altitudeM: 30, speedMps: 5 },
      { timeMs: T0 + 2000, lat: 1, lon: 4, speedMps: 7 },
    ]);
    expect(track.withoutTime).toEqual(['geometry.coordinates[1]']);
  });

  it('reads a MultiLineString with times part by part', () => {
    const track = read({
      type: 'FeatureCollection',
      features: [
        feature({ type: 'Polygon', coordinates: [] }, null),
        feature(
          {
            type: 'MultiLineString',
            coordinates: [
              [[2, 1]],
              [
                [3, 1],
                [4, 1],
              ],
            ],
          },
          { coordTimes: [[T0], [T0 + 1000, T0 + 2000]] },
        ),
      ],
    });
    expect(track.fixes.map(({ timeMs, lon }) => [timeMs - T0, lon])).toEqual([
      [0, 2],
      [1000, 3],
      [2000, 4],
    ]);
    expect(track.ignored).toEqual(['features[0] (Polygon)']);
  });

  const point = (coordinates: unknown, properties: unknown = { time: T0 }) =>
    feature({ type: 'Point', coordinates }, properties);

  it('reads points with their values in properties', () => {
    const track = read({
      type: 'FeatureCollection',
      features: [
        point([2, 1], {
          time: '2020-01-01T00:00:00Z',
          speedMps: 3,
          headingDeg: 10,
          accuracyM: 5,
          altitudeM: 100,
        }),
        point([2, 1], {
          timestamp: '2020-01-01T00:00:01+0000',
          speed: 4,
          course: 11,
          horizontal_accuracy: 6,
          altitude: 1,
        }),
        point([2, 1], { speed: 4 }),
      ],
    });
    expect(track.fixes).toEqual([
      { timeMs: T0, lat: 1, lon: 2, speedMps: 3, headingDeg: 10, accuracyM: 5, altitudeM: 100 },
      { timeMs: T0 + 1000, lat: 1, lon: 2, speedMps: 4, headingDeg: 11, accuracyM: 6, altitudeM: 1 },
    ]);
    expect(track.withoutTime).toEqual(['features[2]']);
  });

  it.each([
    [feature(line, { coordTimes: [T0] }), 'features[1].properties.coordTimes: 1 values for 3 points'],
    [point(['x', 1]), 'features[1].geometry.coordinates[0]: "x" is not a number'],
    [point([2]), 'features[1].geometry.coordinates[1] is missing'],
    [point([2, 1, 'NaN']), 'features[1].geometry.coordinates[2]: "NaN" is not a number'],
    [point([2, 1], { time: 'noon' }), 'features[1].properties.time: "noon" is not a time'],
    [point(null), 'features[1].geometry.coordinates: is not a list'],
    ['x', 'features[1]: is not an object'],
  ])('refuses one feature, with its place, and no other: %j', (bad, fault) => {
    const track = read({ type: 'FeatureCollection', features: [point([2, 1]), bad, point([2, 1])] });
    expect(track.refused).toEqual([fault]);
    expect(track.fixes).toHaveLength(2);
  });

  it('refuses one point of a line', () => {
    const track = read(feature(line, { coordTimes: [T0, 'noon', T0 + 2000] }));
    expect(track.refused).toEqual(['properties.coordTimes[1]: "noon" is not a time']);
    expect(track.fixes).toHaveLength(2);
  });

  it.each([
    [{ name: 'package' }, 'c.geojson: type: missing: not GeoJSON'],
    [{ type: 'FeatureCollection' }, 'c.geojson: features: is not a list'],
    [[], 'c.geojson: is not an object'],
  ])('names the place of a fault of the whole file: %j', (value, message) =>
    expect(() => read(value)).toThrow(message),
  );

  it.each([
    ['{\n"type": 1,\n b}', /^c\.geojson: line 3: /],
    ['{\n"type": 1,\n\n', /^c\.geojson: line \d: /],
  ])('names the line of broken JSON', (text, message) =>
    expect(() => readGeoJson(text, 'c.geojson')).toThrow(message),
  );
});

describe('readTracks', () => {
  const CSV = 'fix_time,lat,lon\n2020-01-01T00:00:00Z,1,2\n';

  async function folder(files: Record<string, string>): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'replay-'));
    folders.push(path);
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    return path;
  }

  it('plays every track file of a folder in order and names the rest', async () => {
    const path = await folder({ 'b.csv': CSV, 'a.CSV': CSV, 'README.md': '', 'package.json': '{}' });
    await mkdir(join(path, 'more.csv'));
    const { tracks, skippedFiles } = await readTracks(path);
    expect(tracks.map((track) => track.name)).toEqual(['a', 'b']);
    expect(skippedFiles).toEqual(['README.md', 'more.csv', 'package.json']);
  });

  it('names all bad files, one line each', async () => {
    const path = await folder({
      'a.csv': 'fix_time,lat,lon\nx,1,2\ny,1,2\n',
      'b.csv': CSV,
      'c.gpx': '<gpx/>',
      'd.csv': 'fix_time,lat,lon\n,1,2\n',
    });
    await expect(readTracks(path)).rejects.toThrow(
      [
        'a.csv: none of its 2 points can be played: line 2: column fix_time: "x" is not a time',
        'c.gpx: no track point in it',
        'd.csv: none of its 1 points has a time',
      ].join('\n'),
    );
  });

  it('names the fault of a path', async () => {
    const path = await folder({ 'notes.txt': '' });
    await expect(readTracks(path)).rejects.toThrow('no track file in it');
    await expect(readTracks(join(path, 'notes.txt'))).rejects.toThrow('notes.txt: not one of .csv');
    await expect(readTracks(join(path, 'none'))).rejects.toThrow('no such file or folder');
  });
});

/** The recordings are not part of this repository: real people drove them. */
const TRACES = resolve(import.meta.dirname, '../../../../shared/traces');
const isHere = existsSync(TRACES);
// eslint-disable-next-line no-restricted-properties -- where the test runs, not how the service is set
const isRequired = process.env.CI === 'true';
if (!isHere && !isRequired) console.warn(`SKIPPED: no recorded traces at ${TRACES}`);

(isHere || isRequired ? describe : describe.skip)('recorded traces', () => {
  it('reads each fix of each recording', async () => {
    const { tracks, skippedFiles } = await readTracks(TRACES);
    expect(Object.fromEntries(tracks.map((track) => [track.name, track.fixes.length]))).toEqual({
      'barefoot-munich-car-15s': 80,
      'barefoot-munich-car-1s': 1194,
      'comma2k19-car-ublox-10hz': 579,
      'emission-android-drive-2015': 163,
      'emission-android-short-2016': 44,
      'emission-ios-drive-2016': 260,
      'gpxpy-bad-clock-1901': 184,
      'gpxpy-car-visnjan': 104,
    });
    expect(tracks.flatMap(({ withoutTime, refused }) => [...withoutTime, ...refused])).toEqual([]);
    expect(skippedFiles).toEqual(['README.md']);
    const ios = tracks.find((track) => track.name === 'emission-ios-drive-2016');
    expect(ios?.fixes.filter((fix) => (fix.speedMps ?? 0) < 0)).toHaveLength(11);
  });
});

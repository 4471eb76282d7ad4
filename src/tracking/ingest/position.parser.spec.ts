import { describe, expect, it } from '@jest/globals';
import { parsePosition } from './position.parser.js';

const good = { lat: 48.1635, lon: 11.5644, time: '2014-09-10T04:54:07.000Z' };

describe('parsePosition', () => {
  it('reads every field of a position', () => {
    const whole = {
      ...good,
      speedMps: 12.5,
      headingDeg: 359.9,
      accuracyM: 5,
      altitudeM: 519,
      batteryPct: 80,
      ignition: true,
      attributes: { satellites: 9 },
    };
    const { time: _time, ...measured } = whole;
    expect(parsePosition(whole)).toEqual({ fix: { ...measured, timeMs: 1_410_324_847_000 }, dropped: [] });
  });

  it.each([
    ['nothing', undefined, 'invalid_position'],
    ['null', null, 'invalid_position'],
    ['an array', [good], 'invalid_position'],
    ['a text', 'here', 'invalid_position'],
    ['no latitude', { ...good, lat: undefined }, 'invalid_lat'],
    ['a latitude as text', { ...good, lat: '48.1' }, 'invalid_lat'],
    ['NaN', { ...good, lat: NaN }, 'invalid_lat'],
    ['beyond the pole', { ...good, lat: 90.000001 }, 'invalid_lat'],
    ['infinite longitude', { ...good, lon: Infinity }, 'invalid_lon'],
    ['beyond the date line', { ...good, lon: -180.1 }, 'invalid_lon'],
    ['no time', { ...good, time: undefined }, 'invalid_time'],
    ['a number as time', { ...good, time: 1_410_324_847 }, 'invalid_time'],
    ['a time without zone', { ...good, time: '2014-09-10T04:54:07' }, 'invalid_time'],
    ['31 April', { ...good, time: '2014-04-31T04:54:07Z' }, 'invalid_time'],
    ['29 February of a common year', { ...good, time: '2015-02-29T04:54:07Z' }, 'invalid_time'],
    ['second 61', { ...good, time: '2014-04-30T23:59:61Z' }, 'invalid_time'],
    ['seconds as text', { ...good, time: '1410324847' }, 'invalid_time'],
    ['microseconds', { ...good, time: 1_410_324_847_000_000 }, 'invalid_time'],
    ['microseconds as text', { ...good, time: '1410324847000000' }, 'invalid_time'],
    ['the basic format', { ...good, time: '20140910T045407Z' }, 'invalid_time'],
    ['a time without seconds', { ...good, time: '2014-09-10T04:54Z' }, 'invalid_time'],
    ['the name of a zone', { ...good, time: '2014-09-10T04:54:07 CEST' }, 'invalid_time'],
    ['a zone after Z', { ...good, time: '2014-09-10T04:54:07Z00' }, 'invalid_time'],
    ['a zone of one digit', { ...good, time: '2014-09-10T04:54:07+2' }, 'invalid_time'],
    ['a space for the sign of a zone', { ...good, time: '2014-09-10T04:54:07 0200' }, 'invalid_time'],
    ['hour 25', { ...good, time: '2014-04-30T25:54:07Z' }, 'invalid_time'],
  ])('rejects %s and names the field', (_what, raw, rejection) => {
    expect(parsePosition(raw)).toEqual({ rejection });
  });

  it.each([
    ['speedMps', -3],
    ['speedMps', 'fast'],
    ['headingDeg', 360.5],
    ['accuracyM', 'good'],
    ['accuracyM', NaN],
    ['batteryPct', -1],
    ['altitudeM', -1_001],
    ['altitudeM', 200_000],
    ['batteryPct', 101],
    ['ignition', 'yes'],
    ['attributes', [1]],
    ['attributes', { $set: 1 }],
    ['attributes', { 'a.b': 1 }],
    ['attributes', JSON.parse('{"__proto__": {"polluted": true}}')],
    ['attributes', { deep: { deeper: { deepest: { too: { far: 1 } } } } }],
    ['attributes', { long: 'x'.repeat(2_049) }],
    ['attributes', { when: new Date() }],
    ['attributes', { _bsontype: 'ObjectId' }],
    ['attributes', { deep: [{ _bsontype: 1 }] }],
  ])('drops a faulty %s (%j) and keeps the position', (field, value) => {
    expect(parsePosition({ ...good, [field]: value })).toEqual({
      fix: { lat: good.lat, lon: good.lon, timeMs: 1_410_324_847_000 },
      dropped: [field],
    });
  });

  it('reads −1 for speed and heading as absent', () => {
    expect(parsePosition({ ...good, speedMps: -1, headingDeg: -1 })).toEqual({
      fix: { lat: good.lat, lon: good.lon, timeMs: 1_410_324_847_000 },
      dropped: [],
    });
  });

  it.each([
    ['accuracyM', -1],
    ['accuracyM', 99_999_999],
    ['altitudeM', -5],
  ])('keeps %s %d', (field, value) => {
    expect(parsePosition({ ...good, [field]: value })).toMatchObject({
      fix: { [field]: value },
      dropped: [],
    });
  });

  it.each([
    ['2014-09-10T06:54:07.000+02:00', 1_410_324_847_000],
    ['2014-09-10T04:54:07Z', 1_410_324_847_000],
    ['2014-09-10 04:54:07Z', 1_410_324_847_000],
    ['2014-09-10T04:54:07+0000', 1_410_324_847_000],
    ['2014-09-10T06:54:07+0200', 1_410_324_847_000],
    ['2014-09-10T06:54:07+02', 1_410_324_847_000],
    ['2014-09-10 01:24:07,5-0330', 1_410_324_847_500],
    ['2014-09-10T04:54:07,25Z', 1_410_324_847_250],
    ['2014-09-10T04:54:07-00:00', 1_410_324_847_000],
    ['2014-09-10T04:54:07.1Z', 1_410_324_847_100],
    ['2014-09-10T04:54:07.123999Z', 1_410_324_847_123],
    ['2016-02-29T00:00:00Z', 1_456_704_000_000],
    ['2014-09-10t04:54:07z', 1_410_324_847_000],
    ['2014-09-10t06:54:07.5+02:00', 1_410_324_847_500],
    ['2016-12-31T23:59:60Z', 1_483_228_800_000],
    ['2016-12-31T23:59:60.25Z', 1_483_228_800_250],
    ['2017-01-01T00:59:60.9999+01:00', 1_483_228_800_999],
    ['1901-12-13T20:45:52.207Z', -2_147_483_647_793],
  ])('reads %s', (time, timeMs) => {
    expect(parsePosition({ ...good, time })).toMatchObject({ fix: { timeMs } });
  });
});

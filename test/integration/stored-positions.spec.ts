import { describe, expect, it } from '@jest/globals';
import { mongo, Types } from 'mongoose';
import {
  readPosition,
  readRecorded,
  toPosition,
  toRecorded,
} from '../../src/tracking/recorded-position.reader.js';
import type { PositionRecord } from '../../src/tracking/position.schema.js';

const { Double, Long, serialize, deserialize } = { ...mongo, ...mongo.BSON };
const FULL = {
  _id: Buffer.alloc(20, 7),
  vehicleId: new Types.ObjectId('66f0c0ffee0123456789abcd'),
  time: new Date('2026-11-30T12:00:00.007Z'),
  lat: 48.137,
  lon: -11,
  speedMps: 0,
  headingDeg: 359.9,
  accuracyM: 1e-7,
  altitudeM: -999.5,
  batteryPct: 83,
  ignition: false,
  attributes: { text: 'x', list: [1, null, { a: 1.5 }], long: Long.fromNumber(7), empty: {} },
  receivedAt: new Date('1969-12-31T23:59:59.999Z'),
  recordedAt: new Date('2026-11-30T12:00:01.000Z'),
  late: true,
};
type Fields = Record<string, unknown>;
const without = (...names: string[]): Fields =>
  Object.fromEntries(Object.entries(FULL).filter(([name]) => !names.includes(name)));
const OPTIONAL = [
  'speedMps',
  'headingDeg',
  'accuracyM',
  'altitudeM',
  'batteryPct',
  'ignition',
  'attributes',
  'late',
];

describe('a stored position', () => {
  it.each<[string, Fields]>([
    ['with every field', FULL],
    ['without optional fields', without(...OPTIONAL)],
    ...OPTIONAL.map((name): [string, Fields] => [`without ${name}`, without(name)]),
    ['with a double without decimals', { ...FULL, lat: new Double(48) }],
    ['that is not late', { ...FULL, late: false }],
    ['with numbers as long', { ...FULL, lat: Long.fromNumber(48), batteryPct: Long.fromNumber(3) }],
    ['with null', { ...FULL, speedMps: null, attributes: null, ignition: null }],
    ['with NaN', { ...FULL, lat: NaN }],
    ['with another field at the end', { ...FULL, note: 'x' }],
    ['with another field at the start', { note: 'x', ...FULL }],
    ['with a field name that begins like a known one', { ...without('lat'), latitude: 1, lat: 2 }],
    ['in another order', { late: true, ...without('late') }],
    ['with a list as attributes', { ...FULL, attributes: [1, 2] }],
    ['with text as ignition', { ...FULL, ignition: 'on' }],
  ])('%s is read as the decoded document is', (_, fields) => {
    const raw = Buffer.from(serialize(fields));
    const record = deserialize(raw) as PositionRecord;
    expect(readRecorded(raw)).toEqual(toRecorded(record));
    expect(Object.keys(readPosition(raw)).sort()).toEqual(Object.keys(toPosition(record)).sort());
    expect(readPosition(raw)).toEqual(toPosition(record));
  });

  it('without a time of recording is read, but not as a recorded one', () => {
    const raw = Buffer.from(serialize(without('recordedAt')));
    expect(readPosition(raw)).toEqual(toPosition(deserialize(raw) as PositionRecord));
    expect(() => readRecorded(raw)).toThrow(TypeError);
  });
});

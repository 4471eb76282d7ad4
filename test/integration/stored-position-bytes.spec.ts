import { describe, expect, it } from '@jest/globals';
import { mongo } from 'mongoose';
import {
  addOptionalMeasurements,
  type Mutable,
  type Position,
  type RecordedPosition,
} from '../../src/core/index.js';
import { positionId } from '../../src/tracking/position-id.js';
import { readRecorded } from '../../src/tracking/recorded-position.reader.js';
import { writeRecorded } from '../../src/tracking/recorded-position.writer.js';

const PLAIN: Position = {
  vehicleId: '66f0c0ffee0123456789abcd',
  timeMs: Date.UTC(2026, 10, 30, 12),
  receivedAtMs: Date.UTC(2026, 10, 30, 12, 0, 1),
  lat: 48.137,
  lon: 11.576,
};
const FULL: Position = {
  ...PLAIN,
  speedMps: 13.9,
  headingDeg: 87,
  accuracyM: 4,
  altitudeM: 519.25,
  batteryPct: 83,
  ignition: true,
  roleEpoch: 0,
  attributes: { text: 'Größe', list: [1, null, { a: 1.5 }], empty: {}, minusZero: -0, large: 2 ** 40 },
};
const recorded = (position: Position, late = false): RecordedPosition => ({
  position,
  late,
  recordedAtMs: position.receivedAtMs + 3,
});

/** As the driver encodes it. */
function encoded({ position, late, recordedAtMs }: RecordedPosition): Uint8Array {
  const document: Mutable<Partial<Position>> & Record<string, unknown> = {
    _id: positionId(position.vehicleId, position.timeMs),
    vehicleId: new mongo.ObjectId(position.vehicleId) as never,
    time: new Date(position.timeMs),
    lat: position.lat,
    lon: position.lon,
  };
  addOptionalMeasurements(document as Mutable<Position>, position);
  document['receivedAt'] = new Date(position.receivedAtMs);
  document['recordedAt'] = new Date(recordedAtMs);
  if (late) document['late'] = true;
  if (position.roleEpoch !== undefined) document['roleEpoch'] = position.roleEpoch;
  return mongo.BSON.serialize(document);
}

describe('the bytes of a stored position', () => {
  it.each<[string, RecordedPosition]>([
    ['with the required fields', recorded(PLAIN)],
    ['with every field', recorded(FULL, true)],
    ...Object.keys(FULL)
      .filter((field) => !(field in PLAIN))
      .map((field): [string, RecordedPosition] => [
        `with ${field}`,
        recorded({ ...PLAIN, [field]: FULL[field as keyof Position] }),
      ]),
    ['without ignition', recorded({ ...FULL, ignition: false })],
    ['with whole degrees', recorded({ ...PLAIN, lat: -90, lon: 180 })],
    ['with zeros of both signs', recorded({ ...PLAIN, lat: 0, lon: -0, speedMps: 0, altitudeM: -0 })],
    [
      'with numbers at the limits of 32 bits',
      recorded({ ...PLAIN, accuracyM: 2 ** 31 - 1, altitudeM: -(2 ** 31) }),
    ],
    ['with numbers beyond 32 bits', recorded({ ...PLAIN, accuracyM: 2 ** 31, altitudeM: -(2 ** 31) - 1 })],
    ['with a tiny number', recorded({ ...PLAIN, accuracyM: 5e-324 })],
    ['before 1970', recorded({ ...PLAIN, timeMs: -1, receivedAtMs: -62_135_596_800_000 })],
    ['with original fields, which are not stored', recorded({ ...PLAIN, originalFields: { a: 1 } })],
  ])('%s are those of the driver, and are read again', (_name, each) => {
    const [raw] = writeRecorded([each]) as [Buffer];
    expect(raw.toString('hex')).toBe(Buffer.from(encoded(each)).toString('hex'));
    const { originalFields: _originalFields, ...position } = each.position;
    expect(readRecorded(raw)).toEqual({ ...each, position });
  });

  it('of a group follow each other in one buffer', () => {
    const group = Array.from({ length: 500 }, (_, n) =>
      recorded({ ...(n % 2 === 0 ? FULL : PLAIN), timeMs: PLAIN.timeMs + n }, n % 3 === 0),
    );
    expect(writeRecorded(group).map(readRecorded)).toEqual(group);
  });
});

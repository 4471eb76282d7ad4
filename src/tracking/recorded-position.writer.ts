import type { Position, RecordedPosition } from '../core/index.js';
import { BSONType, encodeDocument, TIME_ORDERED_ID_BYTES, writeTimeOrderedId } from '../database/index.js';

const {
  double: DOUBLE,
  object: OBJECT,
  binData: BINARY,
  objectId: OBJECT_ID,
  bool: BOOLEAN,
  date: DATE,
  int: INT32,
} = BSONType;

const HEAD_BYTES = 4;
const OBJECT_ID_BYTES = 12;
const BINARY_HEAD_BYTES = 5;

const nameOf = (field: string): Uint8Array => Buffer.from(`${field}\0`);
const ID = nameOf('_id');
const VEHICLE_ID = nameOf('vehicleId');
const TIME = nameOf('time');
const LAT = nameOf('lat');
const LON = nameOf('lon');
const IGNITION = nameOf('ignition');
const ATTRIBUTES = nameOf('attributes');
const RECEIVED_AT = nameOf('receivedAt');
const RECORDED_AT = nameOf('recordedAt');
const LATE = nameOf('late');
const ROLE_EPOCH = nameOf('roleEpoch');
const OPTIONAL_NUMBERS = (['speedMps', 'headingDeg', 'accuracyM', 'altitudeM', 'batteryPct'] as const).map(
  (field) => ({ field, name: nameOf(field) }),
);

/** More than a document with all fields has, without its attributes. */
const MAX_PLAIN_BYTES = 320;

/**
 * The documents of stored positions (`PositionRecord`) as BSON, with the bytes that the driver would write. Made without an
 * object for each, which costs a quarter of the time: every position needs it. `recorded-position.reader.ts` reads them.
 */
export function writeRecorded(recorded: readonly RecordedPosition[]): Buffer[] {
  const attributes = recorded.map(
    ({ position }) => position.attributes && encodeDocument(position.attributes),
  );
  const attributesBytes = attributes.reduce((sum, encoded) => sum + (encoded?.length ?? 0), 0);
  const target = Buffer.allocUnsafe(recorded.length * MAX_PLAIN_BYTES + attributesBytes);
  let end = 0;
  return recorded.map((each, n) => {
    const start = end;
    end = writeDocument(target, start, each, attributes[n]);
    return target.subarray(start, end);
  });
}

/** @returns the position after the document */
function writeDocument(
  target: Buffer,
  start: number,
  { position, late, recordedAtMs }: RecordedPosition,
  attributes: Uint8Array | undefined,
): number {
  let at = writeId(target, start + HEAD_BYTES, position);
  at = writeName(target, at, OBJECT_ID, VEHICLE_ID);
  const vehicleId = start + HEAD_BYTES + 1 + ID.length + BINARY_HEAD_BYTES;
  target.copyWithin(at, vehicleId, vehicleId + OBJECT_ID_BYTES);
  at = writeDate(target, at + OBJECT_ID_BYTES, TIME, position.timeMs);
  at = writeNumber(target, at, LAT, position.lat);
  at = writeNumber(target, at, LON, position.lon);
  for (const { field, name } of OPTIONAL_NUMBERS) {
    const value = position[field];
    if (value !== undefined) at = writeNumber(target, at, name, value);
  }
  if (position.ignition !== undefined) at = writeBoolean(target, at, IGNITION, position.ignition);
  if (attributes) {
    at = writeName(target, at, OBJECT, ATTRIBUTES);
    target.set(attributes, at);
    at += attributes.length;
  }
  at = writeDate(target, at, RECEIVED_AT, position.receivedAtMs);
  at = writeDate(target, at, RECORDED_AT, recordedAtMs);
  if (late) at = writeBoolean(target, at, LATE, true);
  if (position.roleEpoch !== undefined) at = writeNumber(target, at, ROLE_EPOCH, position.roleEpoch);
  target[at] = 0;
  at += 1;
  target.writeInt32LE(at - start, start);
  return at;
}

function writeId(target: Buffer, start: number, { vehicleId, timeMs }: Position): number {
  let at = writeName(target, start, BINARY, ID);
  at = target.writeInt32LE(TIME_ORDERED_ID_BYTES, at);
  target[at] = 0;
  writeTimeOrderedId(target, at + 1, vehicleId, timeMs);
  return at + 1 + TIME_ORDERED_ID_BYTES;
}

function writeName(target: Buffer, start: number, type: number, name: Uint8Array): number {
  target[start] = type;
  const at = start + 1;
  for (let n = 0; n < name.length; n += 1) target[at + n] = name[n] as number;
  return at + name.length;
}

function writeNumber(target: Buffer, start: number, name: Uint8Array, value: number): number {
  // `| 0` keeps 32 bits. Minus zero is a double.
  const isInt32 = (value | 0) === value && !Object.is(value, -0);
  const at = writeName(target, start, isInt32 ? INT32 : DOUBLE, name);
  return isInt32 ? target.writeInt32LE(value, at) : target.writeDoubleLE(value, at);
}

function writeDate(target: Buffer, start: number, name: Uint8Array, ms: number): number {
  const at = writeName(target, start, DATE, name);
  const high = Math.floor(ms / 2 ** 32);
  target.writeUInt32LE(ms - high * 2 ** 32, at);
  return target.writeInt32LE(high, at + 4);
}

function writeBoolean(target: Buffer, start: number, name: Uint8Array, value: boolean): number {
  const at = writeName(target, start, BOOLEAN, name);
  target[at] = value ? 1 : 0;
  return at + 1;
}

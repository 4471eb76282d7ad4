import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Connection, createConnection, mongo, Types } from 'mongoose';
import {
  readPosition,
  readRecorded,
  toPosition,
  toRecorded,
} from '../../src/tracking/recorded-position.reader.js';
import type { RecordedPosition } from '../../src/core/index.js';
import { PositionRecord, PositionSchema } from '../../src/tracking/position.schema.js';
import { PositionsRepository } from '../../src/tracking/positions.repository.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';

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

describe('stored positions of a database', () => {
  const vehicleId = '66f0c0ffee0123456789abcd';
  const startMs = Date.parse('2026-11-30T12:00:00.000Z');
  /** Together more than the 4 MB of one batch of the embedded database. */
  const COUNT = 2_200;
  const attributes = { text: 'x'.repeat(2_000) };
  const all = { vehicleId, fromMs: null, toMs: null, order: 'asc' } as const;
  let database: TestDatabase;
  let connection: Connection;
  let positions: PositionsRepository;
  beforeAll(async () => {
    database = await startTestDatabase();
    connection = await createConnection(database.url, { autoIndex: false, autoCreate: false }).asPromise();
    const model = connection.model<PositionRecord>(PositionRecord.name, PositionSchema);
    await model.createCollection();
    await model.createIndexes();
    positions = new PositionsRepository(model);
    const measured = { vehicleId, lat: 48, lon: 11.5, receivedAtMs: startMs, attributes };
    await positions.insert(
      Array.from({ length: COUNT }, (_, n) => ({
        position: { ...measured, timeMs: startMs + n },
        late: n % 2 === 1,
        recordedAtMs: startMs + Math.floor(n / 100),
      })),
    );
  });
  afterAll(async () => {
    await connection.close();
    await database.stop();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const failNextCommand = (error: Error): void => {
    jest.spyOn(connection.db as mongo.Db, 'command').mockRejectedValueOnce(error);
  };
  const timesOf = async (limit: number, order: 'asc' | 'desc' = 'asc'): Promise<number[]> =>
    (await positions.listRange({ ...all, order }, limit)).map(({ timeMs }) => timeMs - startMs);

  it('are read completely when they do not fit into one batch', async () => {
    expect(await timesOf(COUNT + 1)).toEqual(Array.from({ length: COUNT }, (_, n) => n));
    const [last] = await positions.listRange({ ...all, order: 'desc' }, 1);
    expect(last).toEqual({
      vehicleId,
      lat: 48,
      lon: 11.5,
      receivedAtMs: startMs,
      attributes,
      timeMs: startMs + COUNT - 1,
    });
  });

  it('are as many as the limit, in both orders', async () => {
    expect(await timesOf(3)).toEqual([0, 1, 2]);
    expect(await timesOf(3, 'desc')).toEqual([COUNT - 1, COUNT - 2, COUNT - 3]);
  });

  it('are read in the order of recording, page by page', async () => {
    const seen: number[] = [];
    for (let last: RecordedPosition | null = null; ;) {
      const page: RecordedPosition[] = await positions.findRecordedSince(startMs + 20, last, 70);
      seen.push(...page.map(({ position }) => position.timeMs - startMs));
      expect(page.every(({ late, position }) => late === (position.timeMs % 2 === 1))).toBe(true);
      last = page.at(-1) ?? null;
      if (page.length < 70) break;
    }
    expect(seen).toEqual(Array.from({ length: COUNT - 2_000 }, (_, n) => 2_000 + n));
  });

  it('are read again after an error that the driver repeats, as by a cursor', async () => {
    failNextCommand(new mongo.MongoNetworkError('connection 1 closed'));
    expect(await timesOf(3)).toEqual([0, 1, 2]);
  });

  it('are not read again when the time is used up', async () => {
    failNextCommand(new mongo.MongoOperationTimeoutError('the operation took longer than 5000 ms'));
    await expect(timesOf(3)).rejects.toThrow('longer than 5000 ms');
  });
});

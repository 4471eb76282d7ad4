import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connect as connectSocket } from 'node:net';
import mongoose, { mongo, type Connection } from 'mongoose';
import {
  isRealMongo,
  type MongoUnderTest,
  startMongoUnderTest,
  testDatabaseName,
} from '../support/embedded-mongo.js';

type Doc = mongo.BSON.Document;
const { Binary, Long, Double, ObjectId, Decimal128 } = mongo;

/**
 * Checks the statements of MongoDB's manual for each command and operator in use, on the embedded server or, with
 * TEST_MONGODB_URL, on a real one.
 */
let server: MongoUnderTest;
let connection: Connection;
let collection: mongo.Collection<Doc>;
let collectionNumber = 0;

beforeAll(async () => {
  server = await startMongoUnderTest();
  connection = await mongoose
    .createConnection(server.uri, {
      dbName: testDatabaseName(),
      retryWrites: false,
      writeConcern: { w: 'majority', j: true },
      autoIndex: false,
      autoCreate: false,
    })
    .asPromise();
});

afterAll(async () => {
  if (isRealMongo) await connection.dropDatabase();
  await connection.close();
  await server.stop();
});

beforeEach(() => {
  collection = connection.collection<Doc>(`c${++collectionNumber}`);
});

const database = (): mongo.Db => connection.db as mongo.Db;

/** The matching `_id`s, ordered. */
async function idsOf(filter: Doc): Promise<unknown[]> {
  return (await collection.find(filter).sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
}

async function failureOf(work: Promise<unknown>): Promise<mongo.MongoServerError> {
  return work.then(
    () => Promise.reject(new Error('expected a failure')),
    (error: mongo.MongoServerError) => error,
  );
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return (await failureOf(work)).code;
}

describe('filters', () => {
  it('equality: value, null or missing, element of an array', async () => {
    await collection.insertMany([
      { _id: 1, a: 5 },
      { _id: 2, a: null },
      { _id: 3 },
      { _id: 4, a: [5, 6] },
      { _id: 5, a: { b: 1 } },
      { _id: 6, a: [{ b: 1 }, 7] },
      { _id: 7, a: [] },
      { _id: 8, a: [[5]] },
    ] as Doc[]);
    expect(await idsOf({ a: 5 })).toEqual([1, 4]);
    expect(await idsOf({ a: 7 })).toEqual([6]);
    expect(await idsOf({ a: null })).toEqual([2, 3]);
    expect(await idsOf({ toString: null })).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('equality across number types', async () => {
    await collection.insertMany([
      { _id: 1, a: 1 },
      { _id: 2, a: Long.fromNumber(1) },
      { _id: 3, a: new Double(1) },
      { _id: 4, a: Long.fromNumber(2 ** 52) },
      { _id: 5, a: -0 },
    ] as Doc[]);
    expect(await idsOf({ a: 1 })).toEqual([1, 2, 3]);
    expect(await idsOf({ a: new Double(2 ** 52) })).toEqual([4]);
    expect(await idsOf({ a: 0 })).toEqual([5]);
  });

  it('binaries are equal by subtype and bytes, ordered by length first', async () => {
    await collection.insertMany([
      { _id: 1, a: new Binary(Buffer.from([1, 2])) },
      { _id: 2, a: new Binary(Buffer.from([9])) },
      { _id: 3, a: new Binary(Buffer.from([1, 2]), 5) },
    ] as Doc[]);
    expect(await idsOf({ a: new Binary(Buffer.from([1, 2])) })).toEqual([1]);
    expect(await idsOf({ a: { $gt: new Binary(Buffer.from([9])) } })).toEqual([1, 3]);
  });

  it('$gt $gte $lt $lte stay within the type of the operand', async () => {
    const at = new Date(1000);
    await collection.insertMany([
      { _id: 1, a: 5 },
      { _id: 2, a: 'm' },
      { _id: 3, a: at },
      { _id: 4, a: null },
      { _id: 5, a: new Date(2000) },
      { _id: 6, a: [1, 9] },
      { _id: 7, a: NaN },
      { _id: 8 },
      { _id: 9, a: true },
    ] as Doc[]);
    expect(await idsOf({ a: { $gt: 4 } })).toEqual([1, 6]);
    expect(await idsOf({ a: { $lt: 100 } })).toEqual([1, 6]);
    expect(await idsOf({ a: { $gte: at } })).toEqual([3, 5]);
    expect(await idsOf({ a: { $gt: at } })).toEqual([5]);
    expect(await idsOf({ a: { $lte: 'm' } })).toEqual([2]);
    expect(await idsOf({ a: { $lt: 'm' } })).toEqual([]);
    expect(await idsOf({ a: { $gte: null } })).toEqual([4, 8]);
    expect(await idsOf({ a: { $gte: NaN } })).toEqual([7]);
    expect(await idsOf({ a: { $gte: false } })).toEqual([9]);
  });

  it('strings are ordered by code point', async () => {
    await collection.insertMany([
      { _id: 'ﬀ' },
      { _id: '😀' },
      { _id: 'z' },
      { _id: 'zz' },
      { _id: '' },
    ] as never[]);
    expect(await idsOf({})).toEqual(['', 'z', 'zz', 'ﬀ', '😀']);
    expect(await idsOf({ _id: { $gt: 'zz' } as never })).toEqual(['ﬀ', '😀']);
  });

  it('$in with null, $exists, $or', async () => {
    await collection.insertMany([
      { _id: 1, a: 1 },
      { _id: 2, a: null },
      { _id: 3, b: 1 },
      { _id: 4, a: [2, 3] },
      { _id: 5, a: { b: 1 } },
    ] as Doc[]);
    expect(await idsOf({ a: { $in: [1, 3] } })).toEqual([1, 4]);
    expect(await idsOf({ a: { $in: [null] } })).toEqual([2, 3]);
    expect(await idsOf({ a: { $in: [] } })).toEqual([]);
    expect(await idsOf({ a: { $exists: true } })).toEqual([1, 2, 4, 5]);
    expect(await idsOf({ a: { $exists: false } })).toEqual([3]);
    expect(await idsOf({ $or: [{ a: 1 }, { b: 1 }] })).toEqual([1, 3]);
    expect(await idsOf({ _id: { $gt: 1 } as never, $or: [{ a: { $exists: true } }, { b: 2 }] })).toEqual([
      2, 4, 5,
    ]);
  });

  it('a wrong filter is BadValue', async () => {
    expect(await codeOf(collection.find({ a: { $in: 1 } }).toArray())).toBe(2);
    expect(await codeOf(collection.find({ $or: [] }).toArray())).toBe(2);
  });
});

describe('find', () => {
  beforeEach(async () => {
    await collection.insertMany(
      Array.from({ length: 50 }, (_, i) => ({
        _id: i,
        group: i % 5,
        rank: 50 - i,
        deep: { x: i, y: 1 },
        list: [{ p: i, q: 0 }],
      })) as Doc[],
    );
  });

  it('sort along an index, limit, several batches', async () => {
    await collection.createIndex({ group: 1, rank: 1 });
    const found = await collection.find({}).sort({ group: -1, rank: -1 }).limit(12).batchSize(5).toArray();
    expect(found.map(({ _id }) => _id)).toEqual([4, 9, 14, 19, 24, 29, 34, 39, 44, 49, 3, 8]);
    expect((await collection.find({}).batchSize(7).toArray()).length).toBe(50);
    expect((await collection.find({}).batchSize(0).limit(0).toArray()).length).toBe(50);
  });

  it('types are sorted in their order: null and missing, numbers, strings, binary, ids, booleans, dates', async () => {
    await collection.deleteMany({});
    const values = [
      new Date(0),
      true,
      false,
      new ObjectId(),
      new Binary(Buffer.of(1)),
      'a',
      3,
      -1.5,
      NaN,
      null,
    ];
    await collection.createIndex({ v: 1 });
    await collection.insertMany(values.map((v, i) => ({ _id: i, v })) as Doc[]);
    const sorted = await collection.find({}).sort({ v: 1 }).toArray();
    expect(sorted.map(({ _id }) => _id)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it('projection keeps fields', async () => {
    const one = async (projection: Doc): Promise<unknown> =>
      collection.findOne({ _id: 3 } as never, { projection });
    expect(await one({ rank: 1 })).toEqual({ _id: 3, rank: 47 });
    expect(await one({ rank: 1, deep: true })).toEqual({ _id: 3, rank: 47, deep: { x: 3, y: 1 } });
    expect(await one({ _id: 1 })).toEqual({ _id: 3 });
    expect(await one({ missing: 1 })).toEqual({ _id: 3 });
  });

  it('a closed cursor does not exist; a killed one is not found', async () => {
    const cursor = collection.find({}).batchSize(2);
    await cursor.next();
    const id = cursor.id as mongo.Long;
    await cursor.close();
    const error = await failureOf(database().command({ getMore: id, collection: collection.collectionName }));
    expect(error.code).toBe(43);
  });

  it('documents keep the types of their values', async () => {
    const stored = {
      _id: 99,
      double: new Double(5),
      long: Long.fromNumber(7),
      decimal: Decimal128.fromString('1.10'),
    };
    await collection.insertOne(stored as never);
    const [raw] = await collection.find({ _id: 99 } as never, { raw: true }).toArray();
    expect(Buffer.from(raw as never)).toEqual(Buffer.from(mongo.BSON.serialize(stored)));
  });

  it('count and estimated count', async () => {
    expect(await collection.estimatedDocumentCount()).toBe(50);
    expect(await database().command({ count: collection.collectionName, query: { group: 2 } })).toMatchObject(
      { n: 10 },
    );
    expect(await database().command({ count: 'no-such-collection' })).toMatchObject({ n: 0 });
    const majority = { count: collection.collectionName, readConcern: { level: 'majority' } };
    expect(await database().command(majority)).toMatchObject({ ok: 1 });
  });
});

describe('insert', () => {
  it('a duplicate is E11000 with its key', async () => {
    await collection.insertOne({ _id: 'x' } as never);
    const error = await failureOf(collection.insertOne({ _id: 'x' } as never));
    expect(error).toBeInstanceOf(mongo.MongoServerError);
    expect(error.code).toBe(11000);
    expect(error.message).toContain(
      `E11000 duplicate key error collection: ${database().databaseName}.${collection.collectionName} index: _id_ dup key: { _id: "x" }`,
    );
    expect(error.keyPattern).toEqual({ _id: 1 });
    expect(error.keyValue).toEqual({ _id: 'x' });
  });

  it('ordered stops at the first error, unordered goes on', async () => {
    const documents = [{ _id: 1 }, { _id: 1 }, { _id: 2 }, { _id: 2 }, { _id: 3 }] as Doc[];
    const ordered = (await failureOf(collection.insertMany(documents))) as mongo.MongoBulkWriteError;
    expect(ordered).toBeInstanceOf(mongo.MongoBulkWriteError);
    expect(ordered.insertedCount).toBe(1);
    expect(await idsOf({})).toEqual([1]);
    const unordered = (await failureOf(
      collection.insertMany(documents, { ordered: false }),
    )) as mongo.MongoBulkWriteError;
    expect(unordered.insertedCount).toBe(2);
    expect((unordered.writeErrors as mongo.WriteError[]).map(({ index, code }) => [index, code])).toEqual([
      [0, 11000],
      [1, 11000],
      [3, 11000],
    ]);
    expect(await idsOf({})).toEqual([1, 2, 3]);
  });

  it('gives an _id to a document without one, and puts it first', async () => {
    await database().command({ insert: collection.collectionName, documents: [{ a: 1 }] });
    const found = await collection.findOne({});
    expect(Object.keys(found as Doc)).toEqual(['_id', 'a']);
    expect(found?._id).toBeInstanceOf(ObjectId);
  });

  it('16 MB is the limit', async () => {
    const tooBig = failureOf(collection.insertOne({ big: 'x'.repeat(16 * 1024 * 1024) }));
    expect((await tooBig).message).toBeDefined();
  });

  it('unacknowledged writes are executed without a reply', async () => {
    await collection.insertOne({ _id: 1 } as never, { writeConcern: { w: 0 } });
    for (let i = 0; i < 50 && (await collection.estimatedDocumentCount()) === 0; i++)
      await new Promise((r) => setTimeout(r, 10));
    expect(await idsOf({})).toEqual([1]);
  });

  it('batches over 16 MB are complete', async () => {
    const blob = 'x'.repeat(3_000_000);
    await collection.insertMany(Array.from({ length: 8 }, (_, i) => ({ _id: i, blob })) as Doc[]);
    const all = await collection.find({}).toArray();
    expect(all.map(({ _id }) => _id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('update', () => {
  const after = async (before: Doc, update: Doc): Promise<unknown> => {
    await collection.replaceOne({ _id: 1 } as never, before, { upsert: true });
    await collection.updateOne({ _id: 1 } as never, update);
    const { _id, ...rest } = (await collection.findOne({ _id: 1 } as never)) as Doc;
    expect(_id).toBe(1);
    return rest;
  };

  it('$set sets whole fields, $unset removes them', async () => {
    expect(await after({ a: 1 }, { $set: { a: { b: [2] }, constructor: 3 } })).toEqual({
      a: { b: [2] },
      constructor: 3,
    });
    expect(await after({ a: 1, b: 2 }, { $unset: { a: '', x: '' } })).toEqual({ b: 2 });
  });

  it('$inc adds, sets a missing field, and widens', async () => {
    expect(await after({ a: 1, b: 1.5 }, { $inc: { a: -3, b: 1, c: 4 } })).toEqual({ a: -2, b: 2.5, c: 4 });
    expect(await after({ a: 2147483647 }, { $inc: { a: 1 } })).toEqual({ a: 2147483648 });
    await collection.updateOne({ _id: 1 } as never, { $set: { a: 'text' } });
    expect(await codeOf(collection.updateOne({ _id: 1 } as never, { $inc: { a: 1 } }))).toBe(14);
    expect(await codeOf(collection.updateOne({ _id: 1 } as never, { $inc: { b: 'x' } as never }))).toBe(14);
  });

  it('counts what matched and what changed', async () => {
    await collection.insertMany([
      { _id: 1, a: 1 },
      { _id: 2, a: 2 },
      { _id: 3, a: 2 },
    ] as Doc[]);
    expect(await collection.updateMany({}, { $set: { a: 2 } })).toMatchObject({
      matchedCount: 3,
      modifiedCount: 1,
    });
    expect(await collection.updateOne({ a: 9 }, { $set: { a: 2 } })).toMatchObject({
      matchedCount: 0,
      modifiedCount: 0,
    });
  });

  it('upsert starts from the equalities of the filter and runs $setOnInsert', async () => {
    const update = { $set: { c: 3 }, $inc: { n: 1 }, $setOnInsert: { d: 4 } };
    const first = await collection.updateOne({ a: 1, b: { $gt: 5 } }, update, { upsert: true });
    expect(first).toMatchObject({ matchedCount: 0, upsertedCount: 1 });
    expect(first.upsertedId).toBeInstanceOf(ObjectId);
    const { _id, ...rest } = (await collection.findOne({})) as Doc;
    expect(_id).toEqual(first.upsertedId);
    expect(rest).toEqual({ a: 1, c: 3, d: 4, n: 1 });
    await collection.updateOne({ a: 1 }, { $inc: { n: 1 }, $setOnInsert: { d: 5 } }, { upsert: true });
    expect(await collection.findOne({ a: 1 })).toMatchObject({ d: 4, n: 2 });
    expect(
      (await collection.updateOne({ _id: 'mine' } as never, { $set: { z: 1 } }, { upsert: true })).upsertedId,
    ).toBe('mine');
  });

  it('a replacement keeps the _id', async () => {
    expect(await after({ a: 1, b: 2 }, { $set: { a: 1 } })).toEqual({ a: 1, b: 2 });
    await collection.replaceOne({ _id: 1 } as never, { c: 3 });
    expect(await collection.findOne({ _id: 1 } as never)).toEqual({ _id: 1, c: 3 });
    expect(await codeOf(collection.replaceOne({ _id: 1 } as never, { _id: 2, c: 3 }))).toBe(66);
  });

  it('refuses to change _id, two operators on one field', async () => {
    await collection.insertOne({ _id: 1, a: 5 } as never);
    expect(await codeOf(collection.updateOne({ _id: 1 } as never, { $set: { _id: 2 } as never }))).toBe(66);
    expect(await codeOf(collection.updateOne({}, { $set: { a: 1 }, $inc: { a: 1 } }))).toBe(40);
    expect(await collection.updateOne({ _id: 1 } as never, { $set: { _id: 1 } as never })).toMatchObject({
      matchedCount: 1,
    });
  });

  it('an unknown operator is FailedToParse and named', async () => {
    const error = await failureOf(collection.updateOne({}, { $teleport: { a: 1 } }));
    expect(error.code).toBe(9);
    expect(error.message).toContain('$teleport');
  });

  it('bulkWrite runs many operations; an error names its index', async () => {
    await collection.createIndex({ name: 1 }, { unique: true });
    const result = await collection.bulkWrite([
      { insertOne: { document: { _id: 1, name: 'a' } as Doc } },
      { updateOne: { filter: { _id: 2 } as never, update: { $set: { name: 'b' } }, upsert: true } },
      { updateOne: { filter: { _id: 1 } as never, update: { $set: { x: 1 } } } },
      { deleteOne: { filter: { name: 'b' } } },
    ]);
    expect(result).toMatchObject({
      insertedCount: 1,
      upsertedCount: 1,
      matchedCount: 1,
      modifiedCount: 1,
      deletedCount: 1,
    });
    const failure = (await failureOf(
      collection.bulkWrite(
        [
          { updateOne: { filter: { _id: 7 } as never, update: { $set: { name: 'a' } }, upsert: true } },
          { updateOne: { filter: { _id: 1 } as never, update: { $inc: { x: 1 } } } },
        ],
        { ordered: false },
      ),
    )) as mongo.MongoBulkWriteError;
    expect(failure.code).toBe(11000);
    expect((failure.writeErrors as mongo.WriteError[])[0]?.index).toBe(0);
    expect(await collection.findOne({ _id: 1 } as never)).toMatchObject({ x: 2 });
  });

  it('deleteOne and deleteMany', async () => {
    await collection.insertMany([{ a: 1 }, { a: 1 }, { a: 2 }] as Doc[]);
    expect(await collection.deleteOne({ a: 1 })).toMatchObject({ deletedCount: 1 });
    expect(await collection.deleteMany({})).toMatchObject({ deletedCount: 2 });
    expect(await collection.deleteMany({})).toMatchObject({ deletedCount: 0 });
  });
});

describe('findAndModify', () => {
  it('returns the document before or after the update; null without a match', async () => {
    await collection.insertMany([
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ] as Doc[]);
    expect(await collection.findOneAndUpdate({ n: 1 }, { $inc: { n: 10 } })).toEqual({ _id: 1, n: 1 });
    expect(
      await collection.findOneAndUpdate({ n: 11 }, { $inc: { n: 1 } }, { returnDocument: 'after' }),
    ).toEqual({ _id: 1, n: 12 });
    expect(await collection.findOneAndUpdate({ n: 99 }, { $inc: { n: 1 } })).toBeNull();
  });

  it('of many at the same time, one gets the unique key', async () => {
    await collection.createIndex({ key: 1 }, { unique: true });
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, (_, by) => collection.insertOne({ key: 'same', by })),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled').length).toBe(1);
  });
});

describe('indexes', () => {
  it('unique applies to inserts, updates and upserts, and the error names the key', async () => {
    await collection.createIndex({ a: 1, b: 1 }, { unique: true });
    await collection.insertMany([
      { _id: 1, a: 1, b: 1 },
      { _id: 2, a: 1, b: 2 },
    ] as Doc[]);
    const error = await failureOf(collection.updateOne({ _id: 2 } as never, { $set: { b: 1 } }));
    expect(error.code).toBe(11000);
    expect(error.message).toContain('index: a_1_b_1 dup key: { a: 1, b: 1 }');
    expect(error.keyValue).toEqual({ a: 1, b: 1 });
    expect(
      await codeOf(collection.updateOne({ _id: 9 } as never, { $set: { a: 1, b: 2 } }, { upsert: true })),
    ).toBe(11000);
    await collection.updateOne({ _id: 1 } as never, { $set: { b: 3 } });
    await collection.insertOne({ _id: 3, a: 1, b: 1 } as never);
    await collection.deleteOne({ _id: 3 } as never);
    await collection.insertOne({ _id: 4, a: 1, b: 1 } as never);
  });

  it('a missing field is null to a unique index; a sparse one leaves the document out', async () => {
    await collection.createIndex({ s: 1 }, { unique: true, sparse: true });
    await collection.insertMany([{ p: 1 }, { p: 2 }] as Doc[]);
    expect(await codeOf(collection.insertMany([{ s: null }, { s: null }]))).toBe(11000);
    expect((await collection.find({ s: null }).toArray()).length).toBe(3);
    await collection.createIndex({ p: 1 }, { unique: true });
    expect(await codeOf(collection.insertOne({ s: 2 }))).toBe(11000);
  });

  it('an equal index changes nothing, another one with its name is a conflict', async () => {
    await collection.createIndex({ a: 1 }, { name: 'by_a', unique: true });
    await collection.createIndex({ a: 1 }, { name: 'by_a', unique: true });
    expect(await codeOf(collection.createIndex({ b: 1 }, { name: 'by_a' }))).toBe(86);
    expect(await codeOf(collection.createIndex({ a: 1 }, { name: 'other', unique: true }))).toBe(85);
  });

  it('a unique index over duplicates is refused and leaves nothing', async () => {
    await collection.insertMany([{ a: 1 }, { a: 1 }] as Doc[]);
    expect(await codeOf(collection.createIndex({ a: 1 }, { unique: true }))).toBe(11000);
    await collection.insertOne({ a: 1 });
    await collection.createIndex({ a: 1 });
    expect((await collection.find({ a: 1 }).toArray()).length).toBe(3);
  });

  it('give the same results as a scan of the collection', async () => {
    const values = [
      null,
      -1,
      0,
      2.5,
      Long.fromNumber(2 ** 52),
      'a',
      'ab',
      'a\0b',
      '',
      new Date(5),
      new Date(-5),
      true,
      false,
    ];
    const plain = connection.collection<Doc>(
      `${collection.collectionName}_plain`,
    ) as unknown as mongo.Collection<Doc>;
    const documents: Doc[] = values.flatMap((a, i) => values.map((b, j) => ({ _id: i * 100 + j, a, b })));
    await collection.createIndex({ a: 1, b: 1 });
    await collection.insertMany(documents);
    await plain.insertMany(documents);
    const filters: Doc[] = values.flatMap((value) => [
      { a: value },
      { a: { $gt: value } },
      { a: { $lte: value } },
      { a: { $in: [value, 2.5] }, b: { $gte: value } },
      { a: value, b: { $lt: value } },
    ]);
    for (const filter of filters) {
      const answer = (await collection.find(filter).toArray()).map(({ _id }) => _id as unknown as number);
      const walked = await plain.find(filter).sort({ _id: 1 }).toArray();
      expect([filter, answer.sort((one, other) => one - other)]).toEqual([
        filter,
        walked.map(({ _id }) => _id),
      ]);
    }
  });
});

describe('collections', () => {
  it('create supports clustered collections; an existing collection is a conflict', async () => {
    const name = collection.collectionName;
    await database().createCollection(name, { clusteredIndex: { key: { _id: 1 }, unique: true } });
    expect(await codeOf(database().createCollection(name))).toBe(48);
    expect(await codeOf(connection.collection('system.x').insertOne({ a: 1 }))).toBe(73);
  });

  it('createIndexes returns the numbers of indexes before and after, with the one on _id', async () => {
    const make = async (...fields: string[]): Promise<number[]> => {
      const indexes = fields.map((field) => ({ key: { [field]: 1 }, name: `${field}_1` }));
      const answer = await database().command({ createIndexes: collection.collectionName, indexes });
      return [answer['numIndexesBefore'], answer['numIndexesAfter']] as number[];
    };
    expect(await make('a')).toEqual([1, 2]);
    expect(await make('a', 'b', 'c')).toEqual([2, 4]);
    expect(await make('c')).toEqual([4, 4]);
  });

  it('listCollections shows the collections of one database with their options; dropDatabase removes them', async () => {
    const other = connection.useDb(`${connection.name}_dropped`).db as mongo.Db;
    await other.createCollection('clustered', { clusteredIndex: { key: { _id: 1 }, unique: true } });
    await other.collection('plain').createIndex({ a: 1 });
    await other.collection<Doc>('plain').insertMany(Array.from({ length: 2_500 }, (_, a) => ({ a })));
    const list = (await other.listCollections().toArray()) as mongo.CollectionInfo[];
    const shown = list.map(({ name, type, options }) => [name, type, 'clusteredIndex' in (options ?? {})]);
    expect(shown.sort()).toEqual([
      ['clustered', 'collection', true],
      ['plain', 'collection', false],
    ]);
    expect(await other.dropDatabase()).toBe(true);
    expect(await other.listCollections().toArray()).toEqual([]);
    expect(await other.collection('plain').find({}).toArray()).toEqual([]);
    await other.collection('plain').insertOne({ a: 1 });
    expect(await other.collection('plain').find({ a: 1 }).toArray()).toHaveLength(1);
    await other.dropDatabase();
  });

  it('listIndexes shows every index; a collection that does not exist has none', async () => {
    expect(await codeOf(collection.indexes())).toBe(26);
    await collection.createIndex({ a: 1, b: 1 }, { unique: true });
    expect((await collection.indexes()).map(({ key, unique }) => ({ key, unique }))).toEqual([
      { key: { _id: 1 }, unique: undefined },
      { key: { a: 1, b: 1 }, unique: true },
    ]);
  });

  it('mongoose: models, indexes, casting, errors', async () => {
    const schema = new mongoose.Schema({ callSign: { type: String, required: true }, at: Date });
    schema.index({ callSign: 1 }, { unique: true });
    const Vehicle = connection.model(`Vehicle${collectionNumber}`, schema);
    await Vehicle.createCollection();
    await Vehicle.createCollection();
    await Vehicle.createIndexes();
    await Vehicle.create({ callSign: 'RTW 1', at: new Date(0) });
    await expect(Vehicle.create({ callSign: 'RTW 1' })).rejects.toMatchObject({
      code: 11000,
      keyValue: { callSign: 'RTW 1' },
    });
    expect(await Vehicle.findOne({ at: { $lte: new Date(1) } }).lean()).toMatchObject({ callSign: 'RTW 1' });
  });
});

const describeEmbedded = isRealMongo ? describe.skip : describe;

describeEmbedded('only here (a real server speaks more and counts otherwise): range scans', () => {
  const vehicles = Array.from({ length: 20 }, () => new ObjectId());
  const positionId = (vehicle: mongo.ObjectId, timeMs: number): mongo.Binary => {
    const bytes = Buffer.alloc(20);
    bytes.set(vehicle.id);
    bytes.writeBigUInt64BE(BigInt(timeMs), 12);
    return new Binary(bytes);
  };
  const examined = async (
    work: () => Promise<unknown[]>,
  ): Promise<{ rows: unknown[]; keys: number; documents: number }> => {
    const stats = server.embedded?.stats ?? { keysExamined: 0, documentsExamined: 0 };
    const before = { ...stats };
    const rows = await work();
    return {
      rows,
      keys: stats.keysExamined - before.keysExamined,
      documents: stats.documentsExamined - before.documentsExamined,
    };
  };

  beforeEach(async () => {
    await collection.createIndex({ group: 1, rank: 1 });
    await collection.insertMany(
      vehicles.flatMap((vehicle, v) =>
        Array.from({ length: 100 }, (_, t) => ({
          _id: positionId(vehicle, t * 1000),
          group: v % 4,
          rank: t,
        })),
      ) as unknown as Doc[],
    );
  });

  it('on _id, both ways, with a limit', async () => {
    const vehicle = vehicles[3] as mongo.ObjectId;
    const filter = { _id: { $gte: positionId(vehicle, 10_000), $lt: positionId(vehicle, 60_000) } } as never;
    const forward = await examined(() => collection.find(filter).sort({ _id: 1 }).toArray());
    expect(forward.rows.length).toBe(50);
    expect(forward.keys).toBe(50);
    const latest = await examined(() => collection.find(filter).sort({ _id: -1 }).limit(1).toArray());
    expect(latest.rows).toMatchObject([{ rank: 59 }]);
    expect(latest.keys).toBe(1);
    const paged = await examined(() => collection.find(filter).sort({ _id: -1 }).batchSize(7).toArray());
    expect(paged.rows.map((row) => (row as Doc).rank as number)).toEqual(
      Array.from({ length: 50 }, (_, i) => 59 - i),
    );
    expect(paged.keys).toBe(50);
  });

  it('on a compound index: equality then range, sorted along it either way', async () => {
    const range = await examined(() =>
      collection
        .find({ group: 2, rank: { $gte: 90 } })
        .sort({ rank: -1 })
        .toArray(),
    );
    expect(range.rows.length).toBe(50);
    expect(range.keys).toBe(50);
    const top = await examined(() => collection.find({ group: 1 }).sort({ rank: 1 }).limit(3).toArray());
    expect(top.keys).toBe(3);
    const lists = await examined(() => collection.find({ group: 2, rank: { $in: [5, 7, 5] } }).toArray());
    expect(lists.rows.length).toBe(10);
    expect(lists.keys).toBe(10);
  });

  it('for updates, deletes and counts too', async () => {
    const id = positionId(vehicles[0] as mongo.ObjectId, 5000) as never;
    const update = await examined(async () => [
      await collection.updateOne({ _id: id }, { $set: { seen: true } }),
    ]);
    expect(update.keys).toBe(1);
    const remove = await examined(async () => [await collection.deleteMany({ group: 1, rank: { $lt: 10 } })]);
    expect(remove.rows).toMatchObject([{ deletedCount: 50 }]);
    expect(remove.keys).toBe(50);
    const count = { count: collection.collectionName, query: { group: 1, rank: { $lt: 12 } } };
    const counted = await examined(async () => [await database().command(count)]);
    expect(counted).toMatchObject({ rows: [{ n: 10 }], keys: 10 });
  });
});

describeEmbedded('embedded only (a real server supports it): what is refused, by name', () => {
  const find = (filter: Doc) => () => collection.find(filter).toArray();
  const update = (change: Doc) => () => collection.updateOne({}, change);
  const command = (asked: Doc) => () => database().command(asked);
  const big = Long.fromString('9007199254740993');

  it.each<[string, () => Promise<unknown>, number, string]>([
    ['aggregate', () => collection.aggregate([]).toArray(), 59, "no such command: 'aggregate'"],
    ['distinct', () => collection.distinct('a'), 59, 'distinct'],
    ['change streams', command({ aggregate: 1, pipeline: [{ $changeStream: {} }] }), 59, 'aggregate'],
    ['drop', () => collection.drop(), 59, 'drop'],
    ['listDatabases', () => database().admin().listDatabases(), 59, 'listDatabases'],
    ['dropIndexes', () => collection.dropIndex('a_1'), 59, 'dropIndexes'],
    ['$regex', find({ a: { $regex: 'x' } }), 2, '$regex'],
    ['a regex', find({ a: /x/ }), 2, 'BSONRegExp'],
    ['$ne', find({ a: { $ne: 1 } }), 2, '$ne'],
    ['$nin', find({ a: { $nin: [1] } }), 2, '$nin'],
    ['$and', find({ $and: [{ a: 1 }] }), 2, '$and'],
    ['$where', find({ $where: '1' }), 2, '$where'],
    ['$not', find({ a: { $not: { $gt: 1 } } }), 2, '$not'],
    ['a path', find({ 'a.b': 1 }), 2, "'a.b'"],
    ['a path in $or', find({ $or: [{ 'a.b': 1 }] }), 2, "'a.b'"],
    ['__proto__', find(JSON.parse('{"__proto__": 1}') as Doc), 2, '__proto__'],
    ['an object', find({ a: { b: 1 } }), 2, 'objects'],
    ['an array', find({ a: { $in: [[1]] } }), 2, 'arrays'],
    ['Decimal128', find({ a: Decimal128.fromString('1') }), 2, 'Decimal128'],
    ['a long beyond 2^53', find({ a: { $gt: big } }), 2, big.toString()],
    ['a key too long', find({ _id: 'x'.repeat(2000) }), 17280, '2007 bytes'],
    ['a sort in memory', () => collection.find().sort({ a: 1, b: -1 }).toArray(), 291, '{ a: 1, b: -1 }'],
    ['leaving fields out', () => collection.findOne({}, { projection: { a: 0 } }), 2, 'a: 0'],
    ['$slice projection', () => collection.findOne({}, { projection: { a: { $slice: 1 } } }), 2, '$slice'],
    ['skip', () => collection.find().skip(1).toArray(), 40415, 'find.skip'],
    ['hint', () => collection.find().hint('a_1').toArray(), 40415, 'find.hint'],
    ['collation', () => collection.find({}, { collation: { locale: 'de' } }).toArray(), 40415, 'collation'],
    ['maxTimeMS', () => collection.find().maxTimeMS(10).toArray(), 40415, 'find.maxTimeMS'],
    ['readConcern', command({ find: 'x', readConcern: { level: 'snapshot' } }), 2, 'readConcern'],
    ['readConcern in a write', command({ delete: 'x', deletes: [], readConcern: {} }), 40415, 'readConcern'],
    ['a limited count', command({ count: 'x', limit: 1 }), 40415, 'count.limit'],
    ['$currentDate', update({ $currentDate: { a: true } }), 9, '$currentDate'],
    ['$max', update({ $max: { a: 1 } }), 9, '$max'],
    ['$push', update({ $push: { a: 1 } }), 9, '$push'],
    ['pipelines', update([{ $set: { a: 1 } }]), 9, 'pipeline'],
    ['an update of a path', update({ $set: { 'a.$[].b': 1 } }), 2, "'a.$[].b'"],
    [
      'arrayFilters',
      () => collection.updateOne({}, { $set: { a: 1 } }, { arrayFilters: [{ x: 1 }] }),
      40415,
      'arrayFilters',
    ],
    ['findOneAndDelete', () => collection.findOneAndDelete({}), 40415, 'findAndModify.remove'],
    [
      'findOneAndUpdate that may insert',
      () => collection.findOneAndUpdate({}, { $set: { a: 1 } }, { upsert: true }),
      40415,
      'findAndModify.upsert',
    ],
    [
      'findOneAndUpdate in an order',
      () => collection.findOneAndUpdate({}, { $set: { a: 1 } }, { sort: { a: 1 } }),
      40415,
      'findAndModify.sort',
    ],
    ['TTL', () => collection.createIndex({ a: 1 }, { expireAfterSeconds: 1 }), 197, 'expireAfterSeconds'],
    [
      'partial indexes',
      () => collection.createIndex({ a: 1 }, { partialFilterExpression: { a: 1 } }),
      197,
      'partialFilterExpression',
    ],
    ['2dsphere', () => collection.createIndex({ a: '2dsphere' }), 67, '2dsphere'],
    ['descending indexes', () => collection.createIndex({ a: -1 }), 67, 'a: -1'],
    [
      'time series',
      () => database().createCollection('ts', { timeseries: { timeField: 't' } }),
      40415,
      'timeseries',
    ],
    ['w: 2', () => collection.insertOne({ a: 1 }, { writeConcern: { w: 2 } }), 2, "'w' > 1"],
    ['an array as _id', () => collection.insertOne({ _id: [1] } as never), 2, 'arrays'],
  ])('%s', async (_, attempt, code, words) => {
    await collection.insertOne({ seed: 1 });
    const error = await failureOf(attempt());
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(words)]);
  });

  it('transactions', async () => {
    const insert = { insert: 'x', documents: [{ a: 1 }], lsid: { id: new Binary(Buffer.alloc(16), 4) } };
    const start = { txnNumber: Long.fromNumber(1), autocommit: false, startTransaction: true };
    expect(await codeOf(database().command({ ...insert, ...start }))).toBe(20);
    expect(await codeOf(database().command({ ...insert, txnNumber: Long.fromNumber(1) }))).toBe(20);
  });

  it('arrays under an index', async () => {
    await collection.createIndex({ a: 1 });
    expect(await codeOf(collection.insertOne({ a: [1] }))).toBe(2);
  });
});

describeEmbedded('embedded only (no invalid bytes for a real server): bytes that are not a message', () => {
  const sendBytes = (bytes: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connectSocket(server.embedded?.port ?? 0, '127.0.0.1', () => socket.write(bytes));
      socket.on('close', () => resolve()).on('error', () => resolve());
      setTimeout(() => reject(new Error('the connection stayed open')), 2000).unref();
    });
  const message = (opcode: number, content: Buffer): Buffer => {
    const head = Buffer.alloc(16);
    head.writeInt32LE(16 + content.length, 0);
    head.writeInt32LE(1, 4);
    head.writeInt32LE(opcode, 12);
    return Buffer.concat([head, content]);
  };

  it.each<[string, Buffer]>([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a length of nothing', Buffer.alloc(16)],
    ['a length of 2 GB', Buffer.from('ffffff7f00000000000000000000000', 'hex')],
    ['an unknown opcode', message(2012, Buffer.alloc(20))],
    ['no content', message(2013, Buffer.alloc(0))],
    ['a cut document', message(2013, Buffer.from('00000000' + '00' + '40000000', 'hex'))],
    [
      'a document with a wrong length inside',
      message(2013, Buffer.from('00000000' + '00' + '10000000' + '02610000ffff7f' + '0000000000', 'hex')),
    ],
    ['a bad section', message(2013, Buffer.from('00000000' + '07' + '0500000000', 'hex'))],
    ['an old query without end', message(2004, Buffer.from('00000000616161', 'hex'))],
  ])('%s ends that connection only', async (_, bytes) => {
    await sendBytes(bytes);
    expect(await collection.estimatedDocumentCount()).toBe(0);
  });

  it('random bytes after a valid header never end the server', async () => {
    for (let i = 0; i < 200; i++) {
      const noise = Buffer.from(Array.from({ length: i }, (_, j) => (j * 7919 + i * 104729) & 0xff));
      const flags = Buffer.alloc(5);
      await new Promise<void>((resolve) => {
        const socket = connectSocket(server.embedded?.port ?? 0, '127.0.0.1', () =>
          socket.end(message(2013, Buffer.concat([flags, noise]))),
        );
        socket
          .on('close', () => resolve())
          .on('error', () => resolve())
          .resume();
      });
    }
    expect(await collection.estimatedDocumentCount()).toBe(0);
  });
});

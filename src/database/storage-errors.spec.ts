import { describe, expect, it } from '@jest/globals';
import { mongo } from 'mongoose';
import { createRequire } from 'node:module';
import { duplicateKeyField, isAccessRefused, translateStorageError } from './storage-errors.js';

const serverError = (code: number, more: object = {}): Error =>
  new mongo.MongoServerError({ message: 'from the server', code, ...more });

/** As `Collection.insertMany` and `bulkWrite` of the driver throw it. */
function bulkError(cause: object, writeConcernError?: object): Error {
  const result = { getWriteConcernError: () => writeConcernError };
  return new mongo.MongoBulkWriteError(cause as never, result as never);
}

const codeOf = (error: unknown): string | undefined => translateStorageError(error)?.code;
const UNAVAILABLE = 'storage/unavailable';

describe('an error of the database that means an outage', () => {
  it.each([
    6, 7, 13, 18, 43, 50, 64, 79, 89, 91, 100, 112, 133, 134, 175, 189, 202, 237, 262, 365, 391, 433, 462,
    9001, 10107, 11600, 11601, 11602, 13435, 13436, 14031,
  ])('code %i is answered with 503 and a time to retry', (code) => {
    const translated = translateStorageError(serverError(code));
    expect([translated?.code, (translated?.retryAfterMs ?? 0) > 0]).toEqual([UNAVAILABLE, true]);
  });

  it.each([2, 20, 59, 66, 121, 11_000])('code %i is not', (code) =>
    expect(translateStorageError(serverError(code))).toBeNull(),
  );

  it('is known by the labels of the server, whatever its code', () => {
    expect(codeOf(serverError(999_999, { errorLabels: ['RetryableWriteError'] }))).toBe(UNAVAILABLE);
    expect(codeOf(serverError(999_999, { errorLabels: ['SystemOverloadedError'] }))).toBe(UNAVAILABLE);
    expect(codeOf(serverError(999_999))).toBeUndefined();
  });

  it('is found inside the error of a bulk write', () => {
    expect(codeOf(bulkError(new mongo.MongoNetworkError('reset')))).toBe(UNAVAILABLE);
    expect(codeOf(bulkError(new mongo.MongoServerClosedError()))).toBe(UNAVAILABLE);
    expect(codeOf(bulkError(serverError(13)))).toBe(UNAVAILABLE);
    expect(codeOf(bulkError({ message: 'waiting', code: 64 }, { code: 64 }))).toBe(UNAVAILABLE);
    const duplicate = { code: 11_000 };
    const stopped = { message: 'x', code: 11_000, writeErrors: [duplicate, { code: 11_602 }] };
    expect(codeOf(bulkError(stopped))).toBe(UNAVAILABLE);
    expect(codeOf(bulkError({ message: 'x', code: 11_000, writeErrors: [duplicate] }))).toBeUndefined();
    expect(codeOf(bulkError({ message: 'x', code: 11_000, writeErrors: duplicate }, { code: 64 }))).toBe(
      UNAVAILABLE,
    );
  });
});

/** Errors of a wrong call, and of features that the service does not use. */
const NO_OUTAGE =
  /^Mongo(Error|API|AWS|Azure|BatchReExecution|BulkWrite|ChangeStream|ClientBulkWrite\w*|Compatibility|Crypt\w*|Cursor(Exhausted|InUse)|Decompression|Driver|GCP|GridFS\w+|InvalidArgument|Kerberos|Missing\w+|OIDC|Parse|Runtime|Server|TailableCursor|Transaction)(Error)?$/;

describe('each class of error of the driver', () => {
  const driver = createRequire(createRequire(import.meta.url).resolve('mongoose'));
  const classes = Object.values({
    ...(driver('mongodb') as object),
    ...(driver('mongodb/lib/cmap/errors.js') as object),
  }).filter(
    (each): each is { readonly prototype: Error } =>
      typeof each === 'function' && each.prototype instanceof Error,
  );

  it.each([...new Set(classes.map(({ prototype }) => prototype.name))])('%s is classified', (name) => {
    const error = Object.defineProperty(new Error('x'), 'name', { value: name });
    expect(codeOf(error) === UNAVAILABLE).toBe(!NO_OUTAGE.test(name));
  });
});

it('a refused access is a fault for a schema step', () => {
  expect([13, 18, 189].map((code) => isAccessRefused(serverError(code)))).toEqual([true, true, false]);
});

describe('the field of a duplicate key', () => {
  const duplicate = (message: string, more: object = {}): Error => serverError(11_000, { message, ...more });

  it.each<[string, string | null]>([
    ['E11000 duplicate key error collection: db.users index: email_1 dup key: { email: "a" }', 'email'],
    ['E11000 duplicate key error collection: db.users index: email_1 dup key: { : "a" }', 'email'],
    ['E11000 duplicate key error index: db.users.$email_1  dup key: { : "a" }', 'email'],
    ['E11000 duplicate key error collection: db.users index: _id_ dup key: { _id: 1 }', '_id'],
    ['E11000 duplicate key error collection: db.positions dup key: { _id: BinData(0, AA) }', '_id'],
    ['E11000 duplicate key error collection: d.c index: callSignKey_1_at_-1 dup key: { : 1 }', 'callSignKey'],
    ['E11000 duplicate key error', null],
  ])('is in the text of a server without keyPattern: %s', (message, field) =>
    expect(duplicateKeyField(duplicate(message))).toBe(field),
  );

  it('is in keyPattern of newer ones', () => {
    expect(duplicateKeyField(duplicate('E11000', { keyPattern: { boxCodeKey: 1 } }))).toBe('boxCodeKey');
    expect(duplicateKeyField(serverError(64, { keyPattern: { a: 1 } }))).toBeNull();
  });
});

import { describe, expect, it } from '@jest/globals';
import {
  Binary,
  BSONRegExp,
  Code,
  Decimal128,
  type Document,
  Double,
  Int32,
  Long,
  MaxKey,
  ObjectId,
  serialize,
  Timestamp,
} from 'bson';
import { decode, fieldOf } from './bson-values.js';
import { isFirstElement, isWellFormed } from './raw-bson.js';
import { StoredDocument } from './stored-document.js';

const rawOf = (document: Document): Buffer => Buffer.from(serialize(document, { ignoreUndefined: false }));

/** The types that are read from the bytes. */
const READ: Document = {
  _id: new ObjectId(),
  double: new Double(1.5),
  text: 'Rettung 🚑',
  empty: '',
  nested: { a: { b: [1, 'x', null] } },
  list: [1, { c: 2 }],
  bytes: new Binary(Buffer.of(1, 0, 2), 5),
  yes: true,
  no: false,
  at: new Date(-1),
  later: new Date(Date.parse('2026-11-30T12:00:00.123Z')),
  nothing: null,
  int: new Int32(-7),
  stamp: new Timestamp({ t: 1, i: 2 }),
  long: Long.fromString('-9007199254740993'),
  ü: 'a name that is not ASCII',
  toString: 'not of the prototype',
};
/** The types that only the package reads; each makes its document decoded. */
const UNREAD: Document = {
  decimal: Decimal128.fromString('1.10'),
  regex: new BSONRegExp('x', 'i'),
  code: new Code('f'),
  most: new MaxKey(),
  old: new Binary(Buffer.of(1), 2),
};

describe('a stored document', () => {
  it.each([
    ['read from its bytes', READ],
    ['with types that are not', { ...READ, ...UNREAD }],
  ])('%s has the fields of the decoded one', (_, document) => {
    const raw = rawOf(document);
    const decoded = decode(raw);
    for (const name of [
      ...Object.keys(document),
      'absent',
      'doubl',
      'doublee',
      '',
      'constructor',
      '__proto__',
    ]) {
      const stored = new StoredDocument(raw);
      expect([name, stored.has(name), stored.field(name)]).toEqual([
        name,
        Object.hasOwn(decoded, name),
        fieldOf(decoded, name),
      ]);
    }
  });

  it('with one field twice has the last one, as when decoded', () => {
    const [one, other] = [rawOf({ a: 1 }), rawOf({ a: 'x' })];
    const raw = Buffer.concat([one.subarray(0, -1), other.subarray(4)]);
    raw.writeInt32LE(raw.length);
    expect(new StoredDocument(raw).field('a')).toBe('x');
    expect(decode(raw)).toEqual({ a: 'x' });
  });

  it('has a first element', () => {
    expect(isFirstElement(rawOf({ _id: 1, a: 2 }), '_id')).toBe(true);
    expect(isFirstElement(rawOf({ a: 1, _id: 2 }), '_id')).toBe(false);
    expect(isFirstElement(rawOf({ _idd: 1 }), '_id')).toBe(false);
    expect(isFirstElement(rawOf({}), '_id')).toBe(false);
  });
});

describe('bytes', () => {
  it('of a document are well-formed, unless only the package reads it', () => {
    expect(isWellFormed(rawOf(READ))).toBe(true);
    expect(isWellFormed(rawOf({}))).toBe(true);
    for (const [name, value] of Object.entries(UNREAD))
      expect(isWellFormed(rawOf({ [name]: value }))).toBe(false);
  });

  it('that the package refuses are not well-formed: each byte changed in turn', () => {
    const raw = rawOf(READ);
    let refused = 0;
    for (let at = 0; at < raw.length; at++)
      for (const byte of [0, 1, 2, 0x7f, 0x80, 0xff]) {
        const changed = Buffer.from(raw);
        changed[at] = byte;
        let isRefused = false;
        try {
          decode(changed);
        } catch {
          isRefused = true;
          refused++;
        }
        if (isRefused) expect([at, byte, isWellFormed(changed)]).toEqual([at, byte, false]);
      }
    expect(refused).toBeGreaterThan(100);
  });

  it.each([0, 1, 4, 5, 12, 100])('cut to %i are not well-formed', (length) =>
    expect(isWellFormed(rawOf(READ).subarray(0, length))).toBe(false),
  );
});

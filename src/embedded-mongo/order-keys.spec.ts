import { describe, expect, it } from '@jest/globals';
import { Binary, BSONRegExp, Decimal128, Double, Int32, Long, ObjectId } from 'bson';
import { prefixEnd, joinKey, orderKey } from './order-keys.js';

/** MongoDB's order, lowest first; the values of an inner list are equal. */
const ORDER: unknown[][] = [
  [null, undefined],
  [NaN, new Double(NaN)],
  [-Infinity],
  [-(2 ** 53)],
  [-1.5],
  [new Int32(-1), -1, Long.fromNumber(-1)],
  [0, -0, new Double(-0), Long.ZERO],
  [Number.MIN_VALUE],
  [1, new Double(1)],
  [1.5],
  [Number.MAX_SAFE_INTEGER, Long.fromNumber(Number.MAX_SAFE_INTEGER)],
  [2 ** 53],
  [Infinity],
  [''],
  ['\0'],
  ['\0a'],
  ['a'],
  ['a\0'],
  ['a\0b'],
  ['aa'],
  ['b'],
  ['ﬀ'],
  ['😀'],
  [new Binary(Buffer.of())],
  [new Binary(Buffer.of(9))],
  [new Binary(Buffer.of(9), 5)],
  [new Binary(Buffer.of(0, 0))],
  [new Binary(Buffer.of(0, 1))],
  [new ObjectId('000000000000000000000000')],
  [new ObjectId('ff0000000000000000000000')],
  [false],
  [true],
  [new Date(-1)],
  [new Date(0)],
  [new Date(1)],
];

describe('the order of values', () => {
  it('is the order of their bytes', () => {
    ORDER.forEach((left, i) =>
      ORDER.forEach((right, j) => {
        for (const a of left)
          for (const b of right) {
            const order = Math.sign(Buffer.compare(orderKey(a), orderKey(b)));
            expect([a, b, order]).toEqual([a, b, Math.sign(i - j)]);
          }
      }),
    );
  });

  it('no key is a prefix of another, so fields can be joined', () => {
    const keys = ORDER.map(([value]) => orderKey(value));
    for (const a of keys)
      for (const b of keys) if (a !== b) expect(b.subarray(0, a.length).equals(a)).toBe(false);
  });

  it.each([
    ['Decimal128', Decimal128.fromString('1')],
    ['BSONRegExp', new BSONRegExp('x')],
    ['2^53', Long.MAX_VALUE],
    ['objects', { a: 1 }],
    ['arrays', [1]],
  ])('refuses %s by name', (name, value) => expect(() => orderKey(value)).toThrow(name));

  it('a joined key has a limit, and every prefix an end', () => {
    expect(() => joinKey([Buffer.alloc(2000)])).toThrow(/longer than 1978/);
    expect(prefixEnd(Buffer.of(1, 0xff))).toEqual(Buffer.of(2));
  });
});

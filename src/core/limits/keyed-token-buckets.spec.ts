import { describe, expect, it } from '@jest/globals';
import { KeyedTokenBuckets } from './keyed-token-buckets.js';

describe('KeyedTokenBuckets', () => {
  it('limits each key alone and gives the time until the next token', () => {
    const buckets = new KeyedTokenBuckets(2, 4);
    expect([buckets.take('a', 0), buckets.take('a', 0), buckets.take('a', 0)]).toEqual([0, 0, 250]);
    expect(buckets.take('b', 0)).toBe(0);
    expect(buckets.take('a', 250)).toBe(0);
  });

  it('takes all tokens of a costly call, or none', () => {
    const buckets = new KeyedTokenBuckets(10, 1);
    expect([buckets.take('a', 0, 8), buckets.take('a', 0, 3), buckets.take('a', 0, 2)]).toEqual([
      0, 1_000, 0,
    ]);
    expect(buckets.take('a', 0, 11)).toBe(Infinity);
  });

  it('drops the key used least recently above the limit of keys', () => {
    const buckets = new KeyedTokenBuckets(1, 0.001, 2);
    for (const key of ['a', 'b', 'c']) buckets.take(key, 0);
    expect([buckets.take('c', 0) > 0, buckets.take('b', 0) > 0, buckets.take('a', 0) > 0]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

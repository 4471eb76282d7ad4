import { describe, expect, it } from '@jest/globals';
import { dummyHash, hasOtherRounds, isPasswordLength, roundsOf, roundsToEqual } from './passwords.js';

const tail = 'a'.repeat(53);

describe('passwords', () => {
  it.each([
    [`$2a$10$${tail}`, 10],
    [`$2b$12$${tail}`, 12],
    [dummyHash(12), 12],
    [dummyHash(4), 4],
    [`$2y$10$${tail}`, null],
    [`$2b$03$${tail}`, null],
    [`$2b$31$${tail}`, null],
    [`$2b$12$${tail}x`, null],
    ['$2b$12$short', null],
    ['', null],
  ])('reads the rounds of %j as %j', (hash, rounds) => expect(roundsOf(hash)).toBe(rounds));

  it('finds hashes with other rounds than new ones, but not malformed ones', () => {
    const hashes = [`$2a$10$${tail}`, `$2b$13$${tail}`, `$2b$12$${tail}`, 'x'];
    expect(hashes.map(hasOtherRounds)).toEqual([true, true, false, false]);
  });

  it.each([4, 8, 10, 11, 12])('makes up for a hash of %d rounds, to the work of one of 12', (rounds) => {
    const work = [rounds, ...roundsToEqual(rounds)].reduce((sum, each) => sum + 2 ** each, 0);
    expect(work).toBe(2 ** 12);
  });

  it('counts bytes, not characters', () => {
    expect(['x'.repeat(11), 'x'.repeat(12), 'x'.repeat(72), 'x'.repeat(73)].map(isPasswordLength)).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(isPasswordLength('ü'.repeat(6))).toBe(true);
    expect(isPasswordLength('ü'.repeat(37))).toBe(false);
  });
});

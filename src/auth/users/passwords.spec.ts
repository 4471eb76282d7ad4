import { describe, expect, it } from '@jest/globals';
import { DUMMY_HASH, isPasswordLength, isWeak, roundsOf } from './passwords.js';

const tail = 'a'.repeat(53);

describe('passwords', () => {
  it.each([
    [`$2a$10$${tail}`, 10],
    [`$2b$12$${tail}`, 12],
    [DUMMY_HASH, 12],
    [`$2y$10$${tail}`, null],
    [`$2b$03$${tail}`, null],
    [`$2b$31$${tail}`, null],
    [`$2b$12$${tail}x`, null],
    ['$2b$12$short', null],
    ['', null],
  ])('reads the rounds of %j as %j', (hash, rounds) => expect(roundsOf(hash)).toBe(rounds));

  it('regards a hash with fewer rounds than new ones as weak, but not a malformed hash', () => {
    expect([`$2a$10$${tail}`, `$2b$12$${tail}`, 'x'].map(isWeak)).toEqual([true, false, false]);
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

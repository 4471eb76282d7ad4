import { describe, expect, it } from '@jest/globals';
import { PRINTABLE } from './input.decorators.js';

describe('PRINTABLE', () => {
  it.each(['', 'Anna Müller', '救急車 7', '🚑', "O'Neill; DROP"])('accepts %j', (text) => {
    expect(PRINTABLE.test(text)).toBe(true);
  });

  it.each([
    ['a line break', 'a\nb'],
    ['a NUL', 'a\0'],
    ['a right-to-left override', 'a\u202eb'],
    ['a line separator', 'a\u2028b'],
    ['a paragraph separator', 'a\u2029b'],
    ['a lone surrogate', 'a\ud83d'],
  ])('refuses %s', (_what, text) => {
    expect(PRINTABLE.test(text)).toBe(false);
  });
});

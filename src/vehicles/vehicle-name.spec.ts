import { describe, expect, it } from '@jest/globals';
import { prefixUpperBound, nameKey } from './vehicle-name.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');

describe('nameKey', () => {
  it.each([
    ['RTW 1', 'rtw 1'],
    ['  rtw 1 ', 'rtw 1'],
    ['ＲＴＷ １', 'rtw 1'],
    ['ÄRZTE', 'ärzte'],
  ])('%s → %s', (name, key) => expect(nameKey(name)).toBe(key));
});

describe('afterPrefix', () => {
  it.each([
    ['rtw', 'rtx'],
    ['', null],
    ['\ud7ff', '\ue000'],
    ['a\u{10ffff}', 'b'],
    ['\u{10ffff}\u{10ffff}', null],
    ['a\uffff', 'a\u{10000}'],
  ])('%j → %j', (prefix, expected) => expect(prefixUpperBound(prefix)).toBe(expected));

  it.each(['rtw', 'é', '🚑', '中'])('lies behind every name that begins with %s', (prefix) => {
    const end = bytes(prefixUpperBound(prefix) ?? '');
    for (const rest of ['', ' 1', '\uffff', '🚑', '\u{10ffff}\u{10ffff}']) {
      expect(Buffer.compare(bytes(prefix + rest), end)).toBe(-1);
    }
  });
});

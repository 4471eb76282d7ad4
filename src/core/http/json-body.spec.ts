import { describe, expect, it } from '@jest/globals';
import { findExcess, parseJsonBody } from './json-body.js';

const excessOf = (text: string): string | null => findExcess(Buffer.from(text));
const list = (count: number, item: (n: number) => string): string =>
  `[${Array.from({ length: count }, (_, n) => item(n)).join(',')}]`;

describe('parseJsonBody', () => {
  it('reads an object or an array, with or without a byte order mark; nothing is an empty object', () => {
    expect(parseJsonBody(Buffer.from('\uFEFF{"a":[1,"é"]}'))).toEqual({ a: [1, 'é'] });
    expect(parseJsonBody(Buffer.from('[]'))).toEqual([]);
    expect(parseJsonBody(Buffer.alloc(0))).toEqual({});
  });

  it.each(['{', '5', '"x"', 'null', 'true', ' ', '\uFEFF', `${'['.repeat(5_000)}${']'.repeat(5_000)}`])(
    'refuses %j with status 400',
    (text) => {
      expect(() => parseJsonBody(Buffer.from(text))).toThrow(expect.objectContaining({ status: 400 }));
    },
  );
});

describe('findExcess', () => {
  it('accepts a full batch with attributes of full size', () => {
    const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`name ${n}`, `text ${n}`]));
    expect(JSON.stringify(attributes).length).toBeLessThan(2_048);
    const position = {
      lat: 48.137154,
      lon: 11.576124,
      time: '2026-11-23T14:50:00.000Z',
      accuracyM: 4,
      attributes,
    };
    const body = JSON.stringify({ positions: Array.from({ length: 500 }, () => position) });
    expect(body.length).toBeGreaterThan(1_000_000);
    expect(excessOf(body)).toBeNull();
  });

  it.each([
    ['levels of arrays', '['.repeat(33), /32 levels/],
    ['levels of objects', '{"a":'.repeat(33), /32 levels/],
    ['empty objects', list(20_000, () => '{}'), /20000 objects/],
    ['values', list(100_001, () => '1'), /100000 values/],
    ['fields of one object', `{${list(1_001, () => '"k":1').slice(1, -1)}}`, /1000 fields/],
    ['different names', list(2_100, (n) => `{"k${n}":1}`), /2000 different/],
    ['escaped names', list(2_100, (n) => `{"\\"k${n}\\\\":1}`), /2000 different/],
  ])('finds too many %s', (_what, text, found) => expect(excessOf(text)).toMatch(found));

  it('does not count what is within text', () => {
    expect(excessOf(list(100, () => `"${'[{:,'.repeat(1_000)}\\"${'['.repeat(100)}"`))).toBeNull();
    expect(excessOf(list(19_000, () => '{"k" :1}'))).toBeNull();
  });

  it.each(['"\\', '"', ']]]]', '{]}[', '::::', ''])('reads %j to its end', (text) => {
    expect(excessOf(text)).toBeNull();
  });
});

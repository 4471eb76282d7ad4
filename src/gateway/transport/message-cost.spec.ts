import { describe, expect, it } from '@jest/globals';
import { eventCost, hasMorePackets, isExpensiveJson } from './message-cost.js';

describe('a polling body', () => {
  it('has one packet more than separators', () => {
    const body = (packets: number): string => Array<string>(packets).fill('42["x"]').join('\x1e');
    expect([hasMorePackets('', 1), hasMorePackets(body(3), 3), hasMorePackets(body(4), 3)]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe('a message', () => {
  it('counts as one event more for each 4 kB', () => {
    expect(['', 'x'.repeat(4_095), 'x'.repeat(4_096), 'x'.repeat(2_000_000)].map(eventCost)).toEqual([
      1, 1, 2, 489,
    ]);
  });

  it('is expensive with more values than any batch of positions has', () => {
    const attributes = JSON.stringify(
      Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`attribute-name-${n}`, 'a value'])),
    );
    const fix = `{"lat":48.1,"lon":11.5,"time":"2026-01-01T00:00:00.000Z","speedMps":1,"attributes":${attributes}}`;
    expect(isExpensiveJson(`[${Array<string>(500).fill(fix).join()}]`)).toBe(false);
    expect(isExpensiveJson('['.repeat(200_000))).toBe(true);
    expect(isExpensiveJson(`[${'{},'.repeat(200_000)}1]`)).toBe(true);
    expect(isExpensiveJson(`{${Array.from({ length: 180_000 }, (_, n) => `"${n}":1`).join()}}`)).toBe(true);
  });
});

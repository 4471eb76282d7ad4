import { describe, expect, it } from '@jest/globals';
import { Ledger, LedgerFullError, type LedgerStream, type Outcome, type StoreCounts } from './ledger.js';

function entry(stream: LedgerStream, outcome: Outcome, copies: number): number {
  const n = stream.add();
  stream.settle(n, outcome);
  for (let copy = 0; copy < copies; copy += 1) stream.found('old', n);
  return n;
}

describe('LedgerStream', () => {
  it.each<[Outcome, number, keyof StoreCounts | null]>([
    ['acknowledged', 1, 'once'],
    ['acknowledged', 0, 'lost'],
    ['acknowledged', 2, 'doubled'],
    ['acknowledged', 7, 'doubled'],
    ['timeout', 0, 'unknownMissing'],
    ['timeout', 1, 'unknownStored'],
    ['timeout', 2, 'doubled'],
    ['broken', 1, 'unknownStored'],
    ['refused', 0, 'unknownMissing'],
    ['pending', 0, 'unknownMissing'],
    ['not-sent', 0, null],
    ['not-sent', 1, 'unknownStored'],
    ['skipped', 0, null],
  ])('%s with %i copies is %s', (outcome, copies, fate) => {
    const stream = new Ledger(10).stream('position', '291');
    expect(stream.fate('old', entry(stream, outcome, copies))).toBe(fate);
  });

  it('keeps outcome and copies of thousands of entries and of both stores apart', () => {
    const stream = new Ledger(10_000).stream('position', '291');
    for (let n = 0; n < 1_000; n += 1) entry(stream, n % 2 === 0 ? 'acknowledged' : 'timeout', n % 3);
    stream.found('samserver', 999);
    const all = {
      acknowledged: 500,
      timeout: 500,
      pending: 0,
      refused: 0,
      broken: 0,
      skipped: 0,
      'not-sent': 0,
    };
    expect(stream.outcomes()).toEqual(all);
    const counts = { once: 166, lost: 167, doubled: 333, unknownStored: 167, unknownMissing: 167 };
    expect(stream.inStore('old')).toEqual(counts);
    expect([998, 999].map((n) => stream.copies('samserver', n))).toEqual([0, 1]);
    stream.forget('old');
    expect(stream.inStore('old')).toMatchObject({ once: 0, lost: 500, unknownMissing: 500 });
    expect(stream.copies('samserver', 999)).toBe(1);
    expect(stream.outcomes()).toEqual(all);
  });

  it('ignores a copy with a number that was not sent', () => {
    const stream = new Ledger(10).stream('position', '291');
    entry(stream, 'acknowledged', 0);
    for (const n of [1, 500, Infinity]) stream.found('old', n);
    expect(stream.inStore('old')).toMatchObject({ once: 0, lost: 1 });
  });

  it('leaves out what the store never has', () => {
    const stream = new Ledger(10).stream('position', '291');
    entry(stream, 'acknowledged', 0);
    entry(stream, 'acknowledged', 0);
    expect(stream.inStore('old', (n) => n > 0)).toMatchObject({ once: 0, lost: 1 });
  });

  it('refuses more entries than the ledger has room for', () => {
    const ledger = new Ledger(2);
    ledger.stream('position', '291').add();
    ledger.stream('crash', '291').add();
    expect(() => ledger.stream('position', '292').add()).toThrow(LedgerFullError);
  });
});

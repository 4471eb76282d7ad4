import { describe, expect, it } from '@jest/globals';
import { Latencies } from './latencies.js';
import { LiveLedger } from './live-ledger.js';
import { printable } from '../client/index.js';
import { Tally } from './tally.js';

describe('Latencies', () => {
  it('is within 2 % of the true percentiles, and exact at the top', () => {
    const latencies = new Latencies();
    for (let ms = 1; ms <= 1000; ms += 1) latencies.add(ms);
    for (const [share, exact] of [
      [0.5, 500],
      [0.95, 950],
      [0.99, 990],
    ] as const) {
      expect(latencies.percentileMs(share)).toBeGreaterThanOrEqual(exact * 0.999);
      expect(latencies.percentileMs(share)).toBeLessThanOrEqual(exact * 1.021);
    }
    expect(latencies.percentileMs(1)).toBe(1000);
    expect(latencies.maxMs).toBe(1000);
    expect(latencies.count).toBe(1000);
  });

  it('is nought without any', () => expect(new Latencies().percentileMs(0.5)).toBe(0));
});

describe('LiveLedger', () => {
  it('settles a fix whichever side comes first, and each one once', () => {
    const ledger = new LiveLedger();
    ledger.open('a');
    ledger.stored('a', 1);
    expect(ledger.totalOwed).toBe(1);
    ledger.saw('a', 1);
    ledger.saw('a', 2);
    ledger.stored('a', 2);
    ledger.stored('a', 2);
    ledger.saw('a', 1);
    expect([ledger.seen('a'), ledger.owed('a'), ledger.released('a'), ledger.totalOwed]).toEqual([
      2, 0, 0, 0,
    ]);
  });

  it('names what was released, and leaves the vehicles of others alone', () => {
    const ledger = new LiveLedger();
    ledger.open('a');
    ledger.saw('a', 1);
    ledger.saw('b', 1);
    ledger.stored('b', 2);
    expect([ledger.released('a'), ledger.seen('b'), ledger.totalOwed]).toEqual([1, 0, 0]);
  });
});

describe('Tally', () => {
  it('counts each verdict once, codes apart', () => {
    const tally = new Tally();
    const delivery = { index: 0, latencyMs: 1, attempts: 1 };
    tally.count({ ...delivery, verdict: 'stored', late: true, dropped: ['speedMps'] });
    tally.count({ ...delivery, verdict: 'duplicate' });
    tally.count({ ...delivery, verdict: 'quarantined', code: 'jump' });
    tally.count({ ...delivery, verdict: 'quarantined', code: 'jump' });
    tally.count({ ...delivery, verdict: 'rejected' });
    tally.fail('client/closed');
    expect(tally).toMatchObject({ stored: 1, duplicate: 1, late: 1, dropped: 1, acknowledged: 5 });
    expect([...tally.quarantined]).toEqual([['jump', 2]]);
    expect([...tally.rejected]).toEqual([['unknown', 1]]);
    expect([...tally.unacknowledged]).toEqual([['client/closed', 1]]);
  });
});

describe('printable', () => {
  it('takes the teeth out of a file name', () => expect(printable('a\u001b[31m\nb')).toBe('a?[31m?b'));
});

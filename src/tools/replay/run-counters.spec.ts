import { describe, expect, it } from '@jest/globals';
import { LatencyHistogram } from './latency-histogram.js';
import { LiveDeliveryTracker } from './live-delivery-tracker.js';
import { Tally } from './tally.js';

describe('LatencyHistogram', () => {
  it('is within 2 % of the true percentiles, and exact at the top', () => {
    const latencies = new LatencyHistogram();
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

  it('is 0 without latencies', () => expect(new LatencyHistogram().percentileMs(0.5)).toBe(0));
});

describe('LiveDeliveryTracker', () => {
  it('matches acknowledgement and delivery of a fix in either order, and each fix once', () => {
    const deliveries = new LiveDeliveryTracker();
    deliveries.addVehicle('a');
    deliveries.stored('a', 1);
    expect(deliveries.totalMissing).toBe(1);
    deliveries.received('a', 1);
    deliveries.received('a', 2);
    deliveries.stored('a', 2);
    deliveries.stored('a', 2);
    deliveries.received('a', 1);
    expect([
      deliveries.seen('a'),
      deliveries.missing('a'),
      deliveries.released('a'),
      deliveries.totalMissing,
    ]).toEqual([2, 0, 0, 0]);
  });

  it('counts released fixes and ignores vehicles that are not part of the run', () => {
    const deliveries = new LiveDeliveryTracker();
    deliveries.addVehicle('a');
    deliveries.received('a', 1);
    deliveries.received('b', 1);
    deliveries.stored('b', 2);
    expect([deliveries.released('a'), deliveries.seen('b'), deliveries.totalMissing]).toEqual([1, 0, 0]);
  });
});

describe('Tally', () => {
  it('counts each verdict once, by code', () => {
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

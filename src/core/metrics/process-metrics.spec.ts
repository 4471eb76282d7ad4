import { describe, expect, it } from '@jest/globals';
import { EventLoopLatency } from './process-metrics.js';

describe('the latency of the event loop', () => {
  it('counts a block with its full length', async () => {
    const latency = new EventLoopLatency();
    expect([latency.meanMs, latency.maxMs]).toEqual([NaN, NaN]);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const endMs = performance.now() + 400;
    while (performance.now() < endMs);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(latency.maxMs).toBeGreaterThan(250);
    expect(latency.meanMs).toBeLessThan(latency.maxMs);
    latency.stop();
  });
});

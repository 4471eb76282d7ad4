import { describe, expect, it } from '@jest/globals';
import { PanelCircuitBreaker } from './panel-circuit-breaker.js';

/** Attempts one after the other, a second apart and with no duration. */
function breakerAfter(...endings: Parameters<PanelCircuitBreaker['record']>[0][]): PanelCircuitBreaker {
  const breaker = new PanelCircuitBreaker();
  endings.forEach((ending, n) => breaker.record(ending, n * 1_000, n * 1_000));
  return breaker;
}

describe('PanelCircuitBreaker', () => {
  it('allows one notification at a time until the panel has answered, and after a closed connection', () => {
    expect(breakerAfter().limit(0)).toBe(1);
    expect(breakerAfter('answered').limit(0)).toBe(8);
    expect(breakerAfter('answered', 'closed').limit(1_000)).toBe(1);
    expect(breakerAfter('answered', 'closed', 'answered').limit(2_000)).toBe(8);
  });

  it('stops after three closed connections in a row, with a panel that is down in between', () => {
    expect(breakerAfter('closed', 'closed').isStopped).toBe(false);
    expect(breakerAfter('closed', 'closed', 'answered', 'closed', 'closed').isStopped).toBe(false);
    const breaker = breakerAfter('closed', 'unanswered', 'closed', 'unanswered', 'closed');
    expect([breaker.isStopped, breaker.pauseMs]).toEqual([true, 60_000]);
    expect([4_000, 63_999, 64_000].map((ms) => breaker.limit(ms))).toEqual([0, 0, 1]);
  });

  it('tries one after the pause, pauses twice as long when that is closed, and goes on after an answer', () => {
    const breaker = breakerAfter('closed', 'closed', 'closed');
    breaker.record('closed', 70_000, 70_000);
    expect([breaker.limit(189_999), breaker.limit(190_000)]).toEqual([0, 1]);
    for (let n = 1; n <= 9; n += 1) breaker.record('closed', n * 1e6, n * 1e6);
    expect(breaker.pauseMs).toBe(300_000);
    breaker.record('answered', 2e7, 2e7);
    expect([breaker.limit(2e7), breaker.isStopped]).toEqual([8, false]);
  });

  it('counts connections that are closed together once', () => {
    const breaker = breakerAfter('answered');
    for (let n = 0; n < 8; n += 1) breaker.record('closed', 2_000 + n, 3_000 + n);
    expect(breaker.isStopped).toBe(false);
  });

  it('does not stop for a panel that is not reached or too slow', () => {
    expect(breakerAfter('answered', ...Array(20).fill('unanswered')).limit(1e6)).toBe(8);
  });
});

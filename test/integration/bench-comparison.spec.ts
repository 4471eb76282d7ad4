import { describe, expect, it } from '@jest/globals';
import { compare } from '../../bench/support/statistics.mjs';

/** Load of other programs: it affects both of a pair nearly alike. */
const LOAD = [1, 1.3, 0.8, 1.1, 0.95, 1.4, 1.05, 0.9];
/** What differs within a pair. */
const NOISE = [0.98, 1.03, 1.01, 0.97, 1.02, 0.99, 1.04, 0.96];

const pairs = (after: number, count = LOAD.length): [number, number][] =>
  LOAD.slice(0, count).map((load, n) => [100 * load, after * load * (NOISE[n] ?? 1)]);

describe('the comparison of two revisions', () => {
  it('finds a difference that is larger than the noise within a pair', () => {
    expect(compare(pairs(120)).verdict).toBe('higher');
    expect(compare(pairs(85)).verdict).toBe('lower');
    expect(compare(pairs(120)).change).toBeCloseTo(0.2, 1);
  });

  it('reports no difference within the noise', () => {
    expect(compare(pairs(100)).verdict).toBe('no difference');
    expect(compare(pairs(101.5)).verdict).toBe('no difference');
  });

  it('reports no difference from too few rounds, and none from equal figures', () => {
    expect(compare(pairs(120, 6)).verdict).toBe('no difference');
    expect(compare(LOAD.map((load) => [load, load]))).toEqual({ change: 0, p: 1, verdict: 'no difference' });
  });

  it('reports no regular difference below 2 %', () => {
    const regular = LOAD.map((load): [number, number] => [load, load * 1.01]);
    expect(compare(regular).p).toBeLessThan(0.02);
    expect(compare(regular).verdict).toBe('no difference');
  });
});

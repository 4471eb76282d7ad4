import { describe, expect, it } from '@jest/globals';
import { pause, retry } from './retry.js';

const never = new AbortController().signal;

describe('retry', () => {
  it('repeats the attempt until it gives a value, also null or false', async () => {
    const results = [undefined, undefined, false];
    expect(await retry(async () => results.shift(), { signal: never, pauseMs: 1 })).toBe(false);
    expect(results).toEqual([]);
    expect(await retry(async () => null, { signal: never, pauseMs: 1 })).toBeNull();
  });

  it('waits between two attempts', async () => {
    const atMs: number[] = [];
    await retry(async () => (atMs.push(performance.now()) < 3 ? undefined : true), {
      signal: never,
      pauseMs: 40,
      jitter: 0.5,
    });
    const gapsMs = atMs.slice(1).map((ms, i) => ms - (atMs[i] ?? 0));
    // A timer may fire one millisecond early.
    for (const gapMs of gapsMs) expect(gapMs).toBeGreaterThanOrEqual(19);
  });

  it('reports each error and continues', async () => {
    const errors: unknown[] = [];
    let attempts = 0;
    const value = await retry(
      async () => {
        attempts += 1;
        if (attempts < 3) throw new Error(`attempt ${attempts}`);
        return attempts;
      },
      { signal: never, pauseMs: 1, onError: (error) => errors.push(String(error)) },
    );
    expect([value, errors]).toEqual([3, ['Error: attempt 1', 'Error: attempt 2']]);
  });

  it('throws the error when nothing handles errors', async () => {
    await expect(retry(() => Promise.reject(new Error('no')), { signal: never, pauseMs: 1 })).rejects.toThrow(
      'no',
    );
  });

  it('ends the pause at the abort and reports no error of an attempt that the abort ended', async () => {
    const stop = new AbortController();
    const errors: unknown[] = [];
    let attempts = 0;
    const ended = retry(
      async () => {
        attempts += 1;
        if (attempts === 2) stop.abort();
        throw new Error('no');
      },
      { signal: stop.signal, pauseMs: 5, onError: (error) => errors.push(error) },
    );
    expect(await ended).toBeUndefined();
    expect([attempts, errors.length]).toEqual([2, 1]);
    const startMs = performance.now();
    await pause(60_000, stop.signal);
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(await retry(async () => 1, { signal: stop.signal, pauseMs: 1 })).toBeUndefined();
  });
});

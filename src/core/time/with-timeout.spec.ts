import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { withTimeout } from './with-timeout.js';

const tooLate = (): Error => new Error('too late');

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('withTimeout', () => {
  it('gives the result of the work, and leaves no timer', async () => {
    expect(await withTimeout(Promise.resolve(7), 1_000, tooLate)).toBe(7);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('rejects with the error of the work, and leaves no timer', async () => {
    await expect(withTimeout(Promise.reject(new Error('no')), 1_000, tooLate)).rejects.toThrow('no');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('rejects at the time limit and not before', async () => {
    let isSettled = false;
    const result = withTimeout(new Promise(() => undefined), 1_000, tooLate).finally(() => {
      isSettled = true;
    });
    const expectation = expect(result).rejects.toThrow('too late');
    await jest.advanceTimersByTimeAsync(999);
    expect(isSettled).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await expectation;
  });

  it('ignores an error of the work after the time limit', async () => {
    let fail: (error: Error) => void = () => undefined;
    const work = new Promise<void>((_resolve, reject) => (fail = reject));
    const expectation = expect(withTimeout(work, 1_000, tooLate)).rejects.toThrow('too late');
    await jest.advanceTimersByTimeAsync(1_000);
    await expectation;
    // An unhandled rejection would fail the test run.
    fail(new Error('later'));
    await jest.advanceTimersByTimeAsync(1);
  });
});

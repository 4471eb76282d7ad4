import { BackgroundJobs } from '../../src/core/index.js';

/**
 * Shortens the pauses of every background job that starts later in this test file, so that a test waits for the result
 * of a job and not for its interval. Call it before `startTestService`.
 * @param intervalMs upper limit of `intervalMs` and `retryMs`
 */
export function limitJobIntervals(intervalMs: number): void {
  // It is called with its own `this` below.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { start } = BackgroundJobs.prototype;
  BackgroundJobs.prototype.start = function (options) {
    return start.call(this, {
      ...options,
      intervalMs: Math.min(options.intervalMs, intervalMs),
      ...(options.retryMs !== undefined && { retryMs: Math.min(options.retryMs, intervalMs) }),
    });
  };
}

import { setTimeout as sleep } from 'node:timers/promises';

export interface OpenLoop {
  /** On the clock of `performance.now()`. */
  readonly firstDueMs: number;
  readonly endMs: number;
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/**
 * Calls `post` at fixed times, whether earlier posts have been answered or not. A call that is late because the process was
 * busy is made all the same, with the time at which it was due: a stall counts as latency and does not lower the rate.
 */
export async function openLoop(
  { firstDueMs, endMs, everyMs, signal }: OpenLoop,
  post: (n: number, dueMs: number) => void,
): Promise<void> {
  for (let n = 0; ; n += 1) {
    const dueMs = firstDueMs + n * everyMs;
    if (dueMs >= endMs) return;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    post(n, dueMs);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after the time or at the abort, whichever comes first; never rejects. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

interface RetryOptions {
  /** Ends the repetition; an attempt under way must observe it by itself. */
  readonly signal: AbortSignal;
  /** Pause between two attempts, milliseconds. */
  readonly pauseMs: number;
  /** The pause varies by this share in both directions, so that instances do not run in step. 0…1, default 0. */
  readonly jitter?: number;
  /** Called with the error of a failed attempt before the pause. Without it, `retry` throws the error. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Repeats an attempt until it gives a value. The number of attempts is not limited.
 * @param attempt resolves to undefined when it must be repeated after the pause
 * @returns undefined when the signal is aborted before an attempt gave a value
 */
export async function retry<T>(
  attempt: () => Promise<T | undefined>,
  { signal, pauseMs, jitter = 0, onError }: RetryOptions,
): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (error) {
      if (!onError) throw error;
      if (!signal.aborted) onError(error);
    }
    await pause(pauseMs * (1 + jitter * (2 * Math.random() - 1)), signal);
  }
  return undefined;
}

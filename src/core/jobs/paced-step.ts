import { setTimeout as sleep } from 'node:timers/promises';

/** The pause is four times as long as the step: the work uses a fifth of the time, and less of a slow database. */
const PAUSE_FACTOR = 4;

/** Runs one small step of long work, then pauses. An abort ends the pause; the caller checks the signal. */
export async function pacedStep<T>(step: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const startMs = performance.now();
  const result = await step();
  const pauseMs = (performance.now() - startMs) * PAUSE_FACTOR;
  await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  return result;
}

import { setTimeout as sleep } from 'node:timers/promises';

/** The work uses a fifth of the time, and less of a slow database. */
const PAUSE_FACTOR = 4;

/**
 * Runs one small step of long work, then pauses. An abort ends the pause; the caller checks the signal.
 * @param pauseFactor length of the pause as a multiple of that of the step
 */
export async function pacedStep<T>(
  step: () => Promise<T>,
  signal?: AbortSignal,
  pauseFactor = PAUSE_FACTOR,
): Promise<T> {
  const startMs = performance.now();
  const result = await step();
  const pauseMs = (performance.now() - startMs) * pauseFactor;
  await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  return result;
}

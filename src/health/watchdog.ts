import { Worker } from 'node:worker_threads';

const TICK_INTERVAL_MS = 1_000;

interface WatchdogOptions {
  /** The process ends after this time without a turn of the event loop. Default: 30 s, by the contract. */
  readonly limitMs?: number;
}

/**
 * Ends this process when its event loop is blocked. A probe only times out then, and Docker without Swarm does not
 * restart an unhealthy container. Acknowledged data is on disk.
 *
 * The worker counts its own waits, not the time: SIGSTOP or a suspended machine stops both threads, so the process is not
 * killed when it continues.
 *
 * The timer is no BackgroundJob: it measures the event loop, before the application exists and after it has shut down.
 */
export function startWatchdog({ limitMs = 30_000 }: WatchdogOptions = {}): void {
  const turns = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  setInterval(() => Atomics.add(turns, 0, 1), TICK_INTERVAL_MS).unref();
  const worker = new Worker(new URL('./watchdog-worker.js', import.meta.url), {
    workerData: { turns, limitMs },
    name: 'watchdog',
  });
  worker.unref();
}

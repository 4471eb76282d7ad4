import { Worker } from 'node:worker_threads';

const TURN_EVERY_MS = 1_000;

export interface WatchdogOptions {
  /** Without a turn of the event loop for so long, the process is ended. Contract: 30 s. */
  readonly limitMs?: number;
}

/**
 * Ends this process when its event loop is stuck: a probe would only time out then, and Docker without Swarm restarts
 * nobody for that. What was acknowledged is on the disk.
 *
 * The worker counts its own waits and not the time: a process that was stopped (SIGSTOP, a laptop's lid) was stopped with
 * it, and is not killed when it goes on.
 */
export function startWatchdog({ limitMs = 30_000 }: WatchdogOptions = {}): void {
  const turns = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  setInterval(() => Atomics.add(turns, 0, 1), TURN_EVERY_MS).unref();
  const worker = new Worker(new URL('./watchdog-worker.js', import.meta.url), {
    workerData: { turns, limitMs },
    name: 'watchdog',
  });
  worker.unref();
}

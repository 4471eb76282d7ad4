import { writeSync } from 'node:fs';
import { threadId, workerData } from 'node:worker_threads';

/** Runs in a thread of its own: see `startWatchdog`. */
const { turns, limitMs } = workerData as { turns: Int32Array; limitMs: number };
const STDERR = 2;
const CHECK_INTERVAL_MS = Math.min(1_000, limitMs / 5);
/** Nobody changes it: waiting for it is sleeping. */
const sleepCell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

let seen = Atomics.load(turns, 0);
let waits = 0;
for (;;) {
  Atomics.wait(sleepCell, 0, 0, CHECK_INTERVAL_MS);
  const now = Atomics.load(turns, 0);
  waits = now === seen ? waits + 1 : 0;
  seen = now;
  if (waits * CHECK_INTERVAL_MS >= limitMs) end();
}

/** The main thread cannot log any more, nor run a handler: only a signal that needs neither ends it. */
function end(): void {
  const line = {
    level: 'fatal',
    time: new Date().toISOString(),
    context: 'Watchdog',
    pid: process.pid,
    threadId,
    msg: `the event loop has not turned for ${Math.round(limitMs / 1_000)} s: ending the process`,
  };
  writeSync(STDERR, `${JSON.stringify(line)}\n`);
  process.kill(process.pid, 'SIGKILL');
  // The kernel keeps signals of a process to itself from its namespace's first process.
  Atomics.wait(sleepCell, 0, 0, 2_000);
  writeSync(
    STDERR,
    `${JSON.stringify({ ...line, msg: 'process 1 cannot be ended so: run it under an init' })}\n`,
  );
  waits = 0;
}

import { writeSync } from 'node:fs';
import { threadId, workerData } from 'node:worker_threads';

/** Worker thread of `startWatchdog`. */
const { turns, limitMs } = workerData as { turns: Int32Array; limitMs: number };
const STDERR = 2;
const CHECK_INTERVAL_MS = Math.min(1_000, limitMs / 5);
/** Its value never changes, so that a wait on it is a sleep. */
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

/** The main thread can neither log nor run a signal handler, so the signal must be SIGKILL. */
function end(): void {
  const line = {
    level: 'fatal',
    time: new Date().toISOString(),
    context: 'Watchdog',
    pid: process.pid,
    threadId,
    msg: `the event loop has not turned for ${Math.round(limitMs / 1_000)} s: ending the process`,
  };
  print(line);
  process.kill(process.pid, 'SIGKILL');
  // The kernel ignores a SIGKILL that process 1 of a PID namespace sends to itself.
  Atomics.wait(sleepCell, 0, 0, 2_000);
  print({
    ...line,
    msg: 'SIGKILL has no effect on process 1: run the service under an init (docker run --init)',
  });
  waits = 0;
}

/** A full stderr (EAGAIN) must not prevent the end of the process. */
function print(line: object): void {
  try {
    writeSync(STDERR, `${JSON.stringify(line)}\n`);
  } catch {
    // There is no other place for the line.
  }
}

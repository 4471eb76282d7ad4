import { randomBytes } from 'node:crypto';

/** So that lines of one process stay in order within a millisecond, and no two processes make the same id. */
const processPart = randomBytes(4).toString('hex');
let lastMs = 0;
let count = 0;

/** 24 hexadecimal digits: milliseconds (12), a count (4), this process (8). Orders by time, newest last. */
export function nextAuditId(nowMs: number): string {
  // Never back, whatever the clock does: what is newer must sort after what was there.
  if (nowMs > lastMs) {
    lastMs = nowMs;
    count = 0;
  } else if (count < 0xffff) {
    count += 1;
  } else {
    lastMs += 1;
    count = 0;
  }
  return `${hex(lastMs, 12)}${hex(count, 4)}${processPart}`;
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, '0');
}

import { invalidInput } from '../../core/index.js';

/** ECMAScript's last moment: beyond it there is no date to ask storage for. */
const MAX_DATE_MS = 8.64e15;

/** Opaque to clients: the moment up to which everything recorded was shown, epoch milliseconds. Good on every instance. */
export function makeCursor(publishedUpToMs: number): string {
  return `t${publishedUpToMs.toString(36)}`;
}

/** @throws input/invalid for what this service did not make */
export function readCursor(cursor: string): number {
  const publishedUpToMs = /^t[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : NaN;
  if (!(publishedUpToMs <= MAX_DATE_MS)) {
    throw invalidInput([{ path: 'since', message: 'since must be a cursor that this service gave' }]);
  }
  return publishedUpToMs;
}

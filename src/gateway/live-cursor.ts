import { invalidInput } from '../common/index.js';

/** ECMAScript's last moment: beyond it there is no date to ask storage for. */
const LAST_MOMENT_MS = 8.64e15;

/** Opaque to clients: the moment up to which everything recorded was shown, epoch milliseconds. Good on every instance. */
export function makeCursor(shownUpToMs: number): string {
  return `t${shownUpToMs.toString(36)}`;
}

/** @throws input/invalid for what this service did not make */
export function readCursor(cursor: string): number {
  const shownUpToMs = /^t[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : NaN;
  if (!(shownUpToMs <= LAST_MOMENT_MS)) {
    throw invalidInput([{ path: 'since', message: 'since must be a cursor that this service gave' }]);
  }
  return shownUpToMs;
}

import { invalidInput } from '../../core/index.js';

/** The last valid time of ECMAScript. */
const MAX_DATE_MS = 8.64e15;

/**
 * Opaque to clients, valid on every instance.
 * @param publishedUpToMs everything recorded before this time was published, epoch milliseconds
 */
export function makeCursor(publishedUpToMs: number): string {
  return `t${publishedUpToMs.toString(36)}`;
}

/** @throws input/invalid for a text that is no cursor of this service */
export function readCursor(cursor: string): number {
  const publishedUpToMs = /^t[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : NaN;
  if (!(publishedUpToMs <= MAX_DATE_MS)) {
    throw invalidInput([{ path: 'since', message: 'since must be a cursor from this service' }]);
  }
  return publishedUpToMs;
}

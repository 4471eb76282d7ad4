import { DomainError, type ErrorCode } from '../../core/index.js';
import { translateStorageError } from '../../database/index.js';

/** Storage, the picture volume or the decoder cannot take the request just now; the same request can succeed later. */
const TEMPORARY: ReadonlySet<ErrorCode> = new Set([
  'storage/unavailable',
  'positions/overloaded',
  'images/busy',
  'images/volume-unavailable',
  'images/volume-full',
]);

export function isTemporary(error: unknown): boolean {
  const known = error instanceof DomainError ? error : translateStorageError(error);
  return known !== null && TEMPORARY.has(known.code);
}

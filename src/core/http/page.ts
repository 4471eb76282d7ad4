import { invalidInput } from '../errors/domain-error.js';

/** One page of a list; `nextCursor` is null on the last page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface PageRequest {
  readonly limit: number;
  /** The last id of the previous page; null for the first page. */
  readonly afterId: string | null;
}

/** @throws input/invalid for a cursor that is not from this service */
export function pageRequest(limit: number, cursor: string | undefined): PageRequest {
  return { limit, afterId: keyOfCursor(cursor, /^[0-9a-f]{24}$/) };
}

/** @param found at most `limit` + 1 items; the extra item shows that there is a next page */
export function pageOf<T extends { readonly id: string }>(found: readonly T[], limit: number): Page<T> {
  return pageBy(found, limit, ({ id }) => id);
}

/** Like `pageOf`, for items in another order; `keyOf` gives the sort key as ASCII. */
export function pageBy<T>(found: readonly T[], limit: number, keyOf: (item: T) => string): Page<T> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const hasMore = found.length > limit && last !== undefined;
  return { items, nextCursor: hasMore ? Buffer.from(keyOf(last), 'latin1').toString('base64url') : null };
}

/**
 * The key in the cursor; null without a cursor.
 * @throws input/invalid when the key does not match `pattern`
 */
export function keyOfCursor(cursor: string | undefined, pattern: RegExp): string | null {
  if (cursor === undefined) return null;
  const key = Buffer.from(cursor, 'base64url').toString('latin1');
  if (!pattern.test(key)) {
    throw invalidInput([{ path: 'cursor', message: 'cursor must be one that a former page gave' }]);
  }
  return key;
}

import { invalidInput } from './input.pipe.js';

/** One page of a list; `nextCursor` is null on the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface PageRequest {
  readonly limit: number;
  /** The last id of the page before; null for the first. */
  readonly afterId: string | null;
}

/** @throws input/invalid for a cursor that this service did not make */
export function pageRequest(limit: number, cursor: string | undefined): PageRequest {
  return { limit, afterId: keyOfCursor(cursor, /^[0-9a-f]{24}$/) };
}

/** Of one item more than the limit, asked for to learn whether there is a next page. */
export function pageOf<T extends { readonly id: string }>(found: readonly T[], limit: number): Page<T> {
  return pageBy(found, limit, ({ id }) => id);
}

/** Like `pageOf`, for items that are ordered by something else: `keyOf` gives it as ASCII. */
export function pageBy<T>(found: readonly T[], limit: number, keyOf: (item: T) => string): Page<T> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const hasMore = found.length > limit && last !== undefined;
  return { items, nextCursor: hasMore ? Buffer.from(keyOf(last), 'latin1').toString('base64url') : null };
}

/**
 * The key that the cursor stands for; null without one.
 * @throws input/invalid for a cursor whose key does not look like `pattern`
 */
export function keyOfCursor(cursor: string | undefined, pattern: RegExp): string | null {
  if (cursor === undefined) return null;
  const key = Buffer.from(cursor, 'base64url').toString('latin1');
  if (!pattern.test(key)) {
    throw invalidInput([{ path: 'cursor', message: 'cursor must be one that a former page gave' }]);
  }
  return key;
}

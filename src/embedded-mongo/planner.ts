import { TYPE, typeOf } from './bson-values.js';
import type { CollectionEntry } from './catalog.js';
import { CommandError } from './errors.js';
import { type Condition, fixedFields, type Filter } from './filter.js';
import type { IndexDefinition } from './index-definition.js';
import { prefixEnd, joinKey, orderKey } from './order-keys.js';
import type { KeyRange } from './store.js';

/** Fields in order, each with 1 (ascending) or -1. */
export type Sort = readonly (readonly [field: string, direction: 1 | -1])[];

/** The keys to read and their order. All matches are in `ranges`. */
export interface Plan {
  index: IndexDefinition;
  ranges: KeyRange[];
  isReverse: boolean;
  /** All keys in `ranges` match. */
  isExact: boolean;
}

/**
 * Selects the index that supports the sort and fixes the most leading fields. Sparse indexes are not read: they do not
 * contain all documents.
 * @throws CommandError NoQueryExecutionPlans when no index supports the sort: this server does not sort in memory
 */
export function planFor(entry: CollectionEntry, filter: Filter, sort: Sort): Plan {
  let best: (Plan & { score: number }) | undefined;
  for (const index of [entry.primary, ...entry.indexes]) {
    const direction = index.spec.sparse ? null : directionFor(index, filter, sort);
    if (direction === null) continue;
    const { ranges, score, used } = rangesFor(index, filter, index.isPrimary && entry.isClustered);
    if (direction === -1) ranges.reverse();
    if (best && score <= best.score) continue;
    const isExact = filter.isPlain && used === filter.conditions.length;
    best = { index, ranges, isReverse: direction === -1, isExact, score };
  }
  if (best) return best;
  const asked = sort.map(([field, direction]) => `${field}: ${direction}`).join(', ');
  throw new CommandError(
    291,
    `the embedded database sorts along declared indexes only, and none gives { ${asked} }`,
  );
}

/**
 * One range for the fields that the filter fixes, or one range for each value of an `$in`. A clustered collection is read
 * from the lowest to the highest value, as MongoDB does (`handleRIDRangeScan` in its planner): a query that would read a
 * whole collection there must not look fast here.
 */
function rangesFor(
  index: IndexDefinition,
  filter: Filter,
  isClustered: boolean,
): { ranges: KeyRange[]; score: number; used: number } {
  let prefix = index.prefix;
  // With equal scores, the table of the documents costs least.
  let score = index.isPrimary ? 0.5 : 0;
  /** The conditions that the ranges fulfil. */
  let used = 0;
  for (const field of index.fields) {
    const conditions = filter.conditions.filter((one) => one.field === field);
    const exact = conditions.find(({ operator }) => operator === '$eq');
    if (!exact) {
      const list = listOf(conditions);
      const bounds = list ? undefined : boundsOf(conditions);
      const below = (isClustered ? list && spanOf(list) : list) ?? bounds?.ranges;
      const ranges = below?.map(({ start, end }) => ({
        start: joinKey([prefix, start]),
        end: joinKey([prefix, end]),
      }));
      if (list && !isClustered) used++;
      return {
        ranges: ranges ?? [{ start: prefix, end: prefixEnd(prefix) }],
        score: score + (ranges ? 2 : 0),
        used: used + (bounds?.used ?? 0),
      };
    }
    prefix = joinKey([prefix, orderKey(exact.operand)]);
    score += 4;
    used++;
  }
  return { ranges: [{ start: prefix, end: prefixEnd(prefix) }], score, used };
}

/** One range for each distinct value of an `$in`, in order. */
function listOf(conditions: Condition[]): KeyRange[] | undefined {
  const list = conditions.find(({ operator }) => operator === '$in');
  return (list?.operand as unknown[] | undefined)
    ?.map(orderKey)
    .sort((one, other) => Buffer.compare(one, other))
    .filter((key, i, all) => i === 0 || !key.equals(all[i - 1] as Buffer))
    .map((start) => ({ start, end: prefixEnd(start) }));
}

/** From the first of the ranges to the end of the last one. */
function spanOf(ranges: KeyRange[]): KeyRange[] {
  const [first] = ranges;
  const last = ranges.at(-1);
  return first && last ? [{ start: first.start, end: last.end }] : [];
}

/** The range of one field, which contains only values of the operand's type, and the number of conditions that form it. */
function boundsOf(conditions: Condition[]): { ranges: KeyRange[]; used: number } | undefined {
  let bounds: KeyRange | undefined;
  let used = 0;
  for (const { operator, operand } of conditions) {
    const type = typeOf(operand);
    if (!['$gt', '$gte', '$lt', '$lte'].includes(operator) || type === TYPE.nullish) continue;
    used++;
    const key = orderKey(operand);
    const edge = operator === '$gt' || operator === '$lte' ? prefixEnd(key) : key;
    const { start, end } = operator.startsWith('$gt')
      ? { start: edge, end: Buffer.of(type + 1) }
      : { start: Buffer.of(type), end: edge };
    bounds = {
      start: bounds && Buffer.compare(bounds.start, start) > 0 ? bounds.start : start,
      end: bounds && Buffer.compare(bounds.end, end) < 0 ? bounds.end : end,
    };
  }
  return bounds && { ranges: [bounds], used };
}

/**
 * @returns the direction in which the index gives the requested order; null when it does not. A field that the filter
 * fixes has no order: its position in the sort does not matter, and it is skipped in the index. After its last field an
 * index is ordered by `_id`.
 */
function directionFor(index: IndexDefinition, filter: Filter, sort: Sort): 1 | -1 | null {
  const fixed = fixedFields(filter);
  const wanted = sort.filter(([field]) => !Object.hasOwn(fixed, field));
  const direction = wanted[0]?.[1] ?? 1;
  if (wanted.some(([, other]) => other !== direction)) return null;
  const offered = [...index.fields, '_id'];
  let at = 0;
  for (const [field] of wanted) {
    while (offered[at] !== field && Object.hasOwn(fixed, offered[at] ?? '')) at++;
    if (offered[at++] !== field) return null;
  }
  return direction;
}

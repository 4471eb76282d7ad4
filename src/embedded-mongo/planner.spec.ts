import { describe, expect, it } from '@jest/globals';
import type { Document } from 'bson';
import type { CollectionEntry } from './catalog.js';
import { parseFilter } from './filter.js';
import { IndexDefinition, type IndexSpec } from './index-definition.js';
import { type Plan, planFor } from './planner.js';

const entryOf = (...specs: Omit<IndexSpec, 'name'>[]): CollectionEntry => ({
  namespace: 'd.c',
  isClustered: false,
  primary: IndexDefinition.primary(1),
  indexes: specs.map(
    (spec, i) => new IndexDefinition({ ...spec, name: Object.keys(spec.key).join() }, i + 2),
  ),
});

const entry = entryOf(
  { key: { status: 1, at: 1 } },
  { key: { name: 1 }, unique: true },
  { key: { code: 1 }, sparse: true },
);

function plan(filter: Document, sort: Record<string, 1 | -1> = {}): Plan & { name: string } {
  const made = planFor(entry, parseFilter(filter), Object.entries(sort));
  return { ...made, name: made.index.isPrimary ? '_id' : made.index.spec.name };
}

describe('the planner', () => {
  it.each<[string, Document, string]>([
    ['nothing asked', {}, '_id'],
    ['_id', { _id: 1, name: 'x' }, '_id'],
    ['an equality', { name: 'x', other: 1 }, 'name'],
    ['a prefix and a range over a prefix', { status: 'free', at: { $gt: new Date(0) } }, 'status,at'],
    ['the second field alone', { at: new Date(0) }, '_id'],
    ['a list', { name: { $in: ['x'] } }, 'name'],
    ['only in $or', { $or: [{ name: 'x' }] }, '_id'],
    ['a sparse index, which lacks documents', { code: 5 }, '_id'],
  ])('%s', (_, filter, name) => expect(plan(filter).name).toBe(name));

  it('supports a sort along an index in both directions, without fields that the filter fixes', () => {
    expect(plan({}, { _id: -1 })).toMatchObject({ name: '_id', isReverse: true });
    expect(plan({}, { name: 1 })).toMatchObject({ name: 'name', isReverse: false });
    expect(plan({ status: 'free' }, { at: 1 })).toMatchObject({ name: 'status,at', isReverse: false });
    expect(plan({ status: 'free' }, { status: 1, at: -1 })).toMatchObject({ isReverse: true });
    expect(plan({ status: 'free' }, { at: -1, _id: -1 })).toMatchObject({ isReverse: true });
    expect(plan({ status: { $in: ['a', 'b'] } }, { status: -1, at: -1 })).toMatchObject({ isReverse: true });
    expect(plan({ status: 'free' }, { _id: 1 })).toMatchObject({ name: '_id' });
  });

  it.each<[Document, Record<string, 1 | -1>]>([
    [{ status: { $in: ['a', 'b'] } }, { at: 1 }],
    [{ status: 'free' }, { at: -1, other: -1 }],
    [{ status: 'free' }, { at: -1, _id: 1 }],
    [{}, { status: 1, at: -1 }],
    [{}, { at: 1 }],
    [{}, { code: 1 }],
  ])('refuses %j in the order %j, which no index gives', (filter, sort) =>
    expect(() => plan(filter, sort)).toThrow(expect.objectContaining({ code: 291 })),
  );

  it.each<[Document, boolean]>([
    [{}, true],
    [{ _id: 5 }, true],
    [{ _id: { $gte: 1, $lt: 5 } }, true],
    [{ name: { $in: ['x', 'y'] } }, true],
    [{ status: 'free', at: { $gt: new Date(0) } }, true],
    [{ name: 'x', other: 1 }, false],
    [{ _id: { $eq: 5, $gt: 1 } }, false],
    [{ _id: { $in: [5], $gt: 7 } }, false],
    [{ _id: { $gte: null } }, false],
    [{ _id: { $gt: 1, $exists: true } }, false],
    [{ status: 'free', at: { $gt: new Date(0) }, name: { $exists: true } }, false],
    [{ _id: 5, $or: [{ name: 'x' }] }, false],
    [{ code: 5 }, false],
  ])('of %j: all keys match: %j', (filter, isExact) => expect(plan(filter).isExact).toBe(isExact));

  it('does not take all keys of a clustered collection for matches of a list', () => {
    const clustered = { ...entryOf(), isClustered: true };
    expect(planFor(clustered, parseFilter({ _id: { $in: [9, 1, 5] } }), []).isExact).toBe(false);
  });

  it('reads a clustered collection from the lowest to the highest value of a list', () => {
    const clustered = { ...entryOf(), isClustered: true };
    const rangesOf = (filter: Document): unknown[] => planFor(clustered, parseFilter(filter), []).ranges;
    const span = [{ start: expect.anything(), end: expect.anything() }];
    expect(rangesOf({ _id: { $in: [9, 1, 5] } })).toEqual(span);
    expect(rangesOf({ _id: { $in: [9, 1, 5] } })).toEqual(rangesOf({ _id: { $gte: 1, $lte: 9 } }));
    expect(rangesOf({ _id: { $in: [] } })).toEqual([]);
  });

  it('reads one range for each distinct value, in order', () => {
    expect(plan({ name: { $in: ['b', 'a', 'b'] } }).ranges.length).toBe(2);
    expect(plan({ name: { $in: [] } }).ranges).toEqual([]);
    const forward = plan({ name: { $in: ['b', 'a'] } }, { name: 1 }).ranges.map(({ start }) => start);
    const backward = plan({ name: { $in: ['b', 'a'] } }, { name: -1 }).ranges.map(({ start }) => start);
    expect(backward).toEqual([...forward].reverse());
  });
});

import { describe, expect, it } from '@jest/globals';
import { databaseChecks } from './database.checks.js';
import type { CollectionFacts, DatabaseFacts, Privilege } from './database-facts.repository.js';
import { missingActions, OWN_ACTIONS, SHARED_COLLECTIONS } from './database-needs.js';

const ALL = [...OWN_ACTIONS, 'remove'];
const privilege = (database: string, collection: string, actions: readonly string[] = ALL): Privilege => ({
  database,
  collection,
  isAny: false,
  actions,
});
const collection = (name: string, more: Partial<CollectionFacts> = {}): CollectionFacts => ({
  name,
  exists: true,
  documents: 16,
  indexes: [['_id'], ['ambulance_id']],
  readFault: null,
  ...more,
});
const FACTS: DatabaseFacts = {
  name: 'aoc',
  wireVersion: 17,
  members: ['a:27017', 'b:27017'],
  isPrimary: true,
  clockOffsetMs: 0,
  clockErrorMs: 1,
  access: { kind: 'privileges', privileges: [privilege('aoc', '')] },
  collections: Object.keys(SHARED_COLLECTIONS).map((name) => collection(name)),
  disk: { totalBytes: 100e9, usedBytes: 50e9 },
  probe: null,
};
const result = (id: string, change: Partial<DatabaseFacts>): string => {
  const check = databaseChecks({ ...FACTS, ...change }).find((each) => each.id === id);
  return `${check?.status}: ${check?.seen}`;
};
const withCollection = (name: string, more: Partial<CollectionFacts>): Partial<DatabaseFacts> => ({
  collections: FACTS.collections.map((each) => (each.name === name ? { ...each, ...more } : each)),
});

describe('missingActions', () => {
  it('is empty for readWrite on the database, on every database, and for any resource', () => {
    expect(missingActions([privilege('aoc', '')], 'aoc')).toEqual([]);
    expect(missingActions([privilege('', '')], 'aoc')).toEqual([]);
    expect(missingActions([{ database: null, collection: null, isAny: true, actions: ALL }], 'aoc')).toEqual(
      [],
    );
  });

  it('names what a user lacks: read only, another database, only the shared collections', () => {
    expect(missingActions([privilege('aoc', '', ['find', 'listIndexes', 'listCollections'])], 'aoc')).toEqual(
      [
        'ambulance_trackings: insert, update, remove',
        'ambulance_tracking_histories: insert, update',
        'ambulance_images: insert, update',
        'ambulance_image_histories: insert, update',
        'ambulance_crashes: insert, update',
        'own collections: insert, update, remove, createCollection, createIndex',
      ],
    );
    expect(missingActions([privilege('other', '')], 'aoc')).toHaveLength(8);
    const shared = Object.keys(SHARED_COLLECTIONS).map((name) => privilege('aoc', name));
    expect(missingActions(shared, 'aoc')).toEqual([expect.stringMatching(/^own collections: find, insert/)]);
  });
});

describe('databaseChecks', () => {
  it('passes a replica set with all rights and indexes', () => {
    expect(databaseChecks(FACTS).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
  });

  it.each<[string, string, Partial<DatabaseFacts>, RegExp]>([
    ['an old server', 'database.connection', { wireVersion: 13 }, /^failed: .*wire version 13/],
    ['a secondary', 'database.connection', { isPrimary: false }, /^failed: .*not the primary/],
    ['a single server', 'database.connection', { members: [] }, /^warning: .*one server/],
    [
      'a missing right',
      'database.rights',
      { access: { kind: 'privileges', privileges: [] } },
      /^failed: missing/,
    ],
    ['no access control', 'database.rights', { access: { kind: 'open' } }, /^warning: .*no login/],
    [
      'privileges that are not visible',
      'database.rights',
      { access: { kind: 'unknown', reason: 'x' } },
      /^not checked: .*writing not checked: x/,
    ],
    [
      'a probe in place of privileges',
      'database.rights',
      { access: { kind: 'unknown', reason: 'x' }, probe: { fault: null } },
      /^ok: .*probe: a write/,
    ],
    [
      'a probe that failed',
      'database.rights',
      { probe: { fault: 'not authorized' } },
      /^failed: .*probe: not authorized/,
    ],
    [
      'a collection that cannot be read',
      'database.rights',
      withCollection('aoc_requests', { readFault: 'not authorized' }),
      /^failed: .*aoc_requests: not authorized/,
    ],
    [
      'another database',
      'database.collections',
      withCollection('ambulances', { exists: false }),
      /^failed: ambulances: missing/,
    ],
    [
      'a large collection without the index',
      'database.collections',
      withCollection('ambulance_images', { indexes: [['_id'], ['x', 'ambulance_id']], documents: 10_001 }),
      /^failed: /,
    ],
    [
      'a small collection without the index',
      'database.collections',
      withCollection('ambulance_images', { indexes: [['_id']] }),
      /^warning: /,
    ],
    [
      'indexes that are not visible',
      'database.collections',
      withCollection('ambulance_images', { indexes: null }),
      /^not checked: /,
    ],
    [
      'histories, which are found by _id',
      'database.collections',
      withCollection('ambulance_image_histories', { indexes: [['_id']], documents: 56_700_000 }),
      /^ok: /,
    ],
    ['a clock', 'database.clock', { clockOffsetMs: -5_002 }, /^failed: /],
    ['a small difference', 'database.clock', { clockOffsetMs: 1_500 }, /^warning: /],
    [
      'a difference within the uncertainty',
      'database.clock',
      { clockOffsetMs: 1_500, clockErrorMs: 800 },
      /^ok: /,
    ],
    ['a full disk', 'database.space', { disk: { totalBytes: 100e9, usedBytes: 95e9 } }, /^warning: /],
    ['no disk', 'database.space', { disk: null }, /^not checked: /],
  ])('judges %s', (_, id, change, expected) => expect(result(id, change)).toMatch(expected));
});

import type { Privilege } from './database-facts.repository.js';

const READ = ['find', 'listIndexes'];
const WRITE = ['find', 'insert', 'update', 'listIndexes'];

interface SharedCollection {
  readonly actions: readonly string[];
  /** Fields by which the service looks documents up, beside `_id`. */
  readonly lookups: readonly string[];
}

/** What Samserver does in the collections of the old server: docs/shared-database.md. */
export const SHARED_COLLECTIONS: Readonly<Record<string, SharedCollection>> = {
  ambulances: { actions: READ, lookups: [] },
  aoc_requests: { actions: READ, lookups: [] },
  ambulance_trackings: { actions: [...WRITE, 'remove'], lookups: ['ambulance_id'] },
  ambulance_tracking_histories: { actions: WRITE, lookups: [] },
  ambulance_images: { actions: WRITE, lookups: ['ambulance_id'] },
  ambulance_image_histories: { actions: WRITE, lookups: [] },
  ambulance_crashes: { actions: WRITE, lookups: [] },
};

/** What it does in its own collections, whose names a release can change. */
export const OWN_ACTIONS = [
  'find',
  'insert',
  'update',
  'remove',
  'createCollection',
  'createIndex',
  'listIndexes',
  'listCollections',
] as const;

/** Actions that no privilege gives, as `collection: action, action`. */
export function missingActions(privileges: readonly Privilege[], database: string): string[] {
  const shared = Object.entries(SHARED_COLLECTIONS).map(([name, { actions }]) => ({ name, actions }));
  return [...shared, { name: '', actions: OWN_ACTIONS }].flatMap(({ name, actions }) => {
    const missing = actions.filter((action) => !isGiven(privileges, database, name, action));
    return missing.length === 0 ? [] : [`${name === '' ? 'own collections' : name}: ${missing.join(', ')}`];
  });
}

/** @param collection the empty text: every collection of the database */
function isGiven(
  privileges: readonly Privilege[],
  database: string,
  collection: string,
  action: string,
): boolean {
  return privileges.some(
    (each) =>
      each.actions.includes(action) &&
      (each.isAny ||
        ((each.database === '' || each.database === database) &&
          (each.collection === '' || (collection !== '' && each.collection === collection)))),
  );
}

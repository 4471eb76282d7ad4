import { type Check, failed, notChecked, ok, warning } from '../check.js';
import { withoutLogin } from '../secret-censor.js';
import { megabytes } from '../texts.js';
import { type CollectionFacts, type DatabaseFacts, readDatabaseFacts } from './database-facts.repository.js';
import { missingActions, SHARED_COLLECTIONS } from './database-needs.js';

/** MongoDB 6.0 */
const MIN_WIRE_VERSION = 17;
/** A query by a field without an index reads every document: noticeable above this number. */
const MAX_UNINDEXED = 10_000;
const MAX_OFFSET_MS = 5_000;
const GOOD_OFFSET_MS = 1_000;
const MIN_FREE_SHARE = 0.1;

/** @param url null: no address is known */
export async function checkDatabase(url: string | null, isProbing: boolean): Promise<Check[]> {
  if (url === null)
    return [
      failed(
        'database.connection',
        'no address of the database is known',
        'see "Proposed settings"; name the .env of the old server with --env-file FILE',
      ),
    ];
  try {
    return databaseChecks(await readDatabaseFacts(url, Object.keys(SHARED_COLLECTIONS), isProbing));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [
      failed(
        'database.connection',
        `${withoutLogin(url) ?? 'the database'} is not reachable: ${reason}`,
        'run this command on a machine that reaches the database; look at its log for refused logins',
      ),
    ];
  }
}

export function databaseChecks(facts: DatabaseFacts): Check[] {
  return [
    connectionCheck(facts),
    rightsCheck(facts),
    collectionsCheck(facts.collections),
    clockCheck(facts),
    spaceCheck(facts.disk),
  ];
}

function connectionCheck({ name, wireVersion, members, isPrimary }: DatabaseFacts): Check {
  const place = members.length === 0 ? 'one server' : `replica set of ${members.join(', ')}`;
  const seen = `database ${name}, ${place}, wire version ${wireVersion}`;
  if (wireVersion < MIN_WIRE_VERSION)
    return failed('database.connection', seen, 'Samserver needs MongoDB 6.0 or newer (wire version 17)');
  if (!isPrimary)
    return failed(
      'database.connection',
      `${seen}, not the primary`,
      'name all members in the address (replicaSet=…)',
    );
  return members.length === 0
    ? warning(
        'database.connection',
        seen,
        'a single server confirms writes alone: when it is down, posts are refused with 503',
      )
    : ok('database.connection', seen);
}

function rightsCheck({ access, name, collections, probe }: DatabaseFacts): Check {
  const unreadable = collections.filter(({ readFault }) => readFault !== null);
  const probed = probe && (probe.fault ?? 'a write of each kind succeeded in samserver_preflight');
  const seen = (text: string): string => [text, ...(probed === null ? [] : [`probe: ${probed}`])].join('; ');
  const todo = `grant the role readWrite on the database ${name} to the user of the address`;
  if (unreadable.length > 0 || (probe && probe.fault !== null)) {
    const faults = unreadable.map((each) => `${each.name}: ${each.readFault ?? ''}`).join('; ');
    return failed(
      'database.rights',
      seen(faults === '' ? 'reading succeeded' : `reading failed: ${faults}`),
      todo,
    );
  }
  const read = `reading proved by one document of each of ${collections.length} collections`;
  switch (access.kind) {
    case 'open':
      return warning(
        'database.rights',
        seen(`the database asks for no login; ${read}`),
        'turn access control on: every machine that reaches the database can change it',
      );
    case 'privileges': {
      const missing = missingActions(access.privileges, name);
      return missing.length === 0
        ? ok('database.rights', seen(`${read}; the other actions by the privileges of connectionStatus`))
        : failed('database.rights', seen(`missing, by connectionStatus: ${missing.join('; ')}`), todo);
    }
    case 'unknown':
      return probe
        ? ok('database.rights', seen(`${read}; privileges are not visible (${access.reason})`))
        : notChecked(
            'database.rights',
            seen(`${read}; writing not checked: ${access.reason}`),
            'give --probe-writes, which makes and drops the collection samserver_preflight',
          );
  }
}

function collectionsCheck(collections: readonly CollectionFacts[]): Check {
  const seen = collections.map(describe).join('; ');
  const absent = collections.filter(({ exists }) => !exists).map(({ name }) => name);
  if (absent.includes('ambulances'))
    return failed(
      'database.collections',
      seen,
      'this is not the database of the old server: ambulances is missing',
    );
  const unindexed = collections.filter(
    ({ name, exists, indexes }) =>
      exists &&
      indexes !== null &&
      SHARED_COLLECTIONS[name]?.lookups.some((field) => !indexes.some(([first]) => first === field)),
  );
  const todo = `the owner of the collection creates the index: ${unindexed
    .map(({ name }) => `db.${name}.createIndex({ ${SHARED_COLLECTIONS[name]?.lookups[0] ?? ''}: 1 })`)
    .join(', ')}`;
  if (unindexed.some(({ documents }) => (documents ?? Infinity) > MAX_UNINDEXED))
    return failed('database.collections', seen, todo);
  if (collections.some(({ exists, indexes }) => exists && indexes === null))
    return notChecked('database.collections', seen, 'grant listIndexes, or show db.COLLECTION.getIndexes()');
  if (unindexed.length > 0) return warning('database.collections', seen, todo);
  return absent.length > 0
    ? warning('database.collections', seen, `not there: ${absent.join(', ')}; is this the live database?`)
    : ok('database.collections', seen);
}

function describe({ name, exists, documents, indexes }: CollectionFacts): string {
  if (!exists) return `${name}: missing`;
  const count = documents === null ? 'size not visible' : `${documents} documents`;
  const keys =
    indexes === null ? 'indexes not visible' : indexes.map((fields) => fields.join('+')).join(', ');
  return `${name}: ${count}, ${keys}`;
}

function clockCheck({ clockOffsetMs, clockErrorMs }: DatabaseFacts): Check {
  if (Number.isNaN(clockOffsetMs))
    return notChecked('database.clock', 'the database shows no time', 'compare date on both machines');
  const seen = `the database is ${(clockOffsetMs / 1_000).toFixed(2)} s ahead (± ${(clockErrorMs / 1_000).toFixed(2)} s)`;
  const distanceMs = Math.abs(clockOffsetMs) - clockErrorMs;
  const todo = 'synchronise both machines (NTP)';
  if (distanceMs > MAX_OFFSET_MS) return failed('database.clock', seen, todo);
  return distanceMs > GOOD_OFFSET_MS ? warning('database.clock', seen, todo) : ok('database.clock', seen);
}

function spaceCheck(disk: DatabaseFacts['disk']): Check {
  if (disk === null)
    return notChecked('database.space', 'dbStats does not report it', 'df on the machine of the database');
  const freeBytes = disk.totalBytes - disk.usedBytes;
  const seen = `${megabytes(freeBytes)} free of ${megabytes(disk.totalBytes)}`;
  return freeBytes < MIN_FREE_SHARE * disk.totalBytes
    ? warning('database.space', seen, 'free space there before both servers write')
    : ok('database.space', seen);
}

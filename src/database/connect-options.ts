import type { ConnectOptions } from 'mongoose';
import type { Settings } from '../config/index.js';

/** The part of the time limit that the members have to confirm a write; the rest is for the write itself. */
const CONFIRMATION_SHARE = 0.8;

/**
 * What each operation of the service requires, whatever the URL says. A confirmed write is in the journal of most members
 * and survives a change of the primary; a write that they do not confirm in time fails on the server too, so that none is
 * left behind. A read returns what most members have, from the primary: a verdict never rests on data that a change of the
 * primary can undo.
 */
function durability(wtimeoutMS: number): ConnectOptions {
  return {
    writeConcern: { w: 'majority', j: true, wtimeoutMS },
    readConcern: { level: 'majority' },
    readPreference: 'primary',
  };
}

export function connectOptions({ mongo: { timeoutMs } }: Settings): ConnectOptions {
  return {
    appName: 'samserver',
    ...durability(Math.round(timeoutMs * CONFIRMATION_SHARE)),
    serverSelectionTimeoutMS: timeoutMs,
    connectTimeoutMS: timeoutMs,
    // Also the limit of an operation as a whole: `patchOperationTimeLimit`.
    socketTimeoutMS: timeoutMs,
    waitQueueTimeoutMS: timeoutMs,
    maxPoolSize: 20,
    // The schema steps create collections and indexes.
    autoIndex: false,
    autoCreate: false,
  };
}

/** A step may take minutes: an index over a year of positions does. The loss of the lock ends it before. */
const STEP_CONFIRMATION_MS = 60_000;

/** The connection of one schema step. */
export function stepConnectOptions(settings: Settings): ConnectOptions {
  return {
    ...connectOptions(settings),
    ...durability(STEP_CONFIRMATION_MS),
    socketTimeoutMS: 0,
    maxPoolSize: 4,
  };
}

/** Options of a connection string that would change `durability`, in lower case. */
const OVERRIDING = new Set([
  'readpreference',
  'readpreferencetags',
  'maxstalenessseconds',
  'readconcernlevel',
  'w',
  'j',
  'journal',
  'fsync',
  'wtimeout',
  'wtimeoutms',
]);

/**
 * Removes the options that the service sets itself: the driver would merge them with its own.
 * @returns the remaining connection string, and the names that were removed
 */
export function withoutOverriding(url: string): {
  readonly url: string;
  readonly removed: readonly string[];
} {
  const [address = '', query = ''] = url.split(/\?(.*)/s);
  const options = query.split('&').filter((option) => option !== '');
  const nameOf = (option: string): string => option.split('=', 1)[0] ?? '';
  const kept = options.filter((option) => !OVERRIDING.has(nameOf(option).toLowerCase()));
  return {
    url: kept.length === 0 ? address : `${address}?${kept.join('&')}`,
    removed: options.filter((option) => !kept.includes(option)).map(nameOf),
  };
}

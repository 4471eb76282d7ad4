import { DomainError, type ErrorTranslator } from '../core/index.js';

const RETRY_AFTER_MS = 2_000;
const DUPLICATE_KEY = 11_000;

/**
 * Errors that mean "the database did not confirm the operation": the caller may repeat it. The names are those of the
 * classes of mongodb 7 (`src/error.ts`, `src/cmap/errors.ts`) and mongoose 9 (`lib/error`). Names, because an error that
 * crossed a worker thread or comes from a second copy of the package is no instance of the class.
 */
const OUTAGE_NAMES = new Set([
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoServerSelectionError',
  'MongoSystemError',
  'MongoNotConnectedError',
  'MongoTopologyClosedError',
  'MongoServerClosedError',
  'MongoClientClosedError',
  'MongoPoolClearedError',
  'PoolClearedOnNetworkError',
  'MongoPoolClosedError',
  'MongoWaitQueueTimeoutError',
  'MongoWriteConcernError',
  'MongoOperationTimeoutError',
  'MongoExpiredSessionError',
  'MongoStalePrimaryError',
  'MongoUnexpectedServerResponseError',
  'MongooseServerSelectionError',
  'MongooseNotConnectedError',
  'MongooseBufferTimeoutError',
  'DisconnectedError',
]);

/**
 * Codes in answers of the server that mean an outage, from MongoDB's `error_codes.yml`: the categories network, retriable,
 * interruption, not primary, shutdown, time limit, invalidated cursor, overload and write concern, and what a server
 * answers whose users, disk or members are not usable just now.
 */
const OUTAGE_CODES = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  13, // Unauthorized
  18, // AuthenticationFailed
  24, // LockTimeout
  43, // CursorNotFound
  46, // LockBusy
  50, // MaxTimeMSExpired
  64, // WriteConcernTimeout
  79, // UnknownReplWriteConcern
  89, // NetworkTimeout
  91, // ShutdownInProgress
  100, // UnsatisfiableWriteConcern
  112, // WriteConflict
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  175, // QueryPlanKilled
  189, // PrimarySteppedDown
  202, // NetworkInterfaceExceededTimeLimit
  216, // ElectionInProgress
  237, // CursorKilled
  262, // ExceededTimeLimit
  264, // TooManyFilesOpen
  279, // ClientDisconnect
  290, // TransactionExceededLifetimeLimitSeconds
  303, // SplitHorizonChange
  314, // ObjectIsBusy
  355, // InterruptedDueToStorageChange
  365, // TemporarilyUnavailable
  371, // UserWritesBlocked
  391, // ReauthenticationRequired
  402, // ResourceExhausted
  407, // PooledConnectionAcquisitionExceededTimeLimit
  433, // AdmissionQueueOverflow
  449, // RateLimitExceeded
  450, // PooledConnectionAcquisitionRejected
  462, // IngressRequestRateLimitExceeded
  9001, // SocketException
  10058, // LegacyNotPrimary
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11601, // Interrupted
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
  14031, // OutOfDiskSpace
  46_841, // ClientMarkedKilled
  91_331, // RetriableRemoteCommandFailure
]);

/** Labels of the server and the driver for errors after which an operation may be repeated. */
const OUTAGE_LABELS = ['RetryableWriteError', 'RetryableError', 'SystemOverloadedError'];

/** Members of the driver's errors, which depend on their class. */
interface DriverError extends Error {
  readonly code?: unknown;
  readonly errorLabels?: unknown;
  readonly keyPattern?: Readonly<Record<string, unknown>>;
  /** What a `MongoBulkWriteError` was made of: an error of the driver, or an answer of the server. */
  readonly errorResponse?: unknown;
  readonly writeErrors?: unknown;
  readonly result?: { readonly getWriteConcernError?: () => unknown };
}

/** Turns an outage of the database into `storage/unavailable` (503 with `Retry-After`); null for other errors. */
export const translateStorageError: ErrorTranslator = (error) =>
  error instanceof Error && isOutage(error) ? storageUnavailable(error) : null;

function isOutage(error: DriverError): boolean {
  return (
    OUTAGE_NAMES.has(error.name) ||
    OUTAGE_CODES.has(codeOf(error)) ||
    OUTAGE_LABELS.some((label) => Array.isArray(error.errorLabels) && error.errorLabels.includes(label)) ||
    (error.name === 'MongoBulkWriteError' && isOutageOfBulk(error)) ||
    // mongoose has no error class for a call before the first connection.
    (error.name === 'MongooseError' && error.message.includes('initial connection'))
  );
}

/** The error of a bulk write contains the error of the driver, or one error per statement and one for all of them. */
function isOutageOfBulk({ errorResponse, writeErrors, result }: DriverError): boolean {
  return (
    (errorResponse instanceof Error && isOutage(errorResponse)) ||
    [writeErrors ?? []].flat().some((each) => OUTAGE_CODES.has(codeOf(each))) ||
    result?.getWriteConcernError?.() !== undefined
  );
}

export function storageUnavailable(cause?: unknown): DomainError {
  return new DomainError('storage/unavailable', 'Storage is not reachable just now; try again shortly.', {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

/**
 * The database refuses the operation to this account. For a caller it is an outage, because another account may be on the
 * way to the members; for a schema step it is a fault that an operator must mend.
 */
export function isAccessRefused(error: unknown): boolean {
  return error instanceof Error && [13, 18].includes(codeOf(error));
}

/** The first field of the unique index that refused a write; null for other errors. */
export function duplicateKeyField(error: unknown): string | null {
  if (!(error instanceof Error) || codeOf(error) !== DUPLICATE_KEY) return null;
  const [field] = Object.keys((error as DriverError).keyPattern ?? {});
  return field ?? fieldInMessage(error.message);
}

/**
 * Older servers and the errors of bulk writes have no `keyPattern`. Their texts are, from old to new:
 * `E11000 … index: db.users.$email_1 dup key: { : "a" }`, `E11000 … index: email_1 dup key: { email: "a" }`, and without
 * an index for `_id` of a clustered collection.
 */
function fieldInMessage(message: string): string | null {
  const index = /\bindex: (?:\S*\$)?(\S+)/.exec(message)?.[1];
  if (index === '_id_') return '_id';
  return /^(.+?)_-?1(?:_|$)/.exec(index ?? '')?.[1] ?? /\bdup key: \{ ?"?(\w+)"?:/.exec(message)?.[1] ?? null;
}

function codeOf(error: object): number {
  return 'code' in error && typeof error.code === 'number' ? error.code : NaN;
}

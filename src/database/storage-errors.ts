import { DomainError, type ErrorTranslator } from '../core/index.js';

const RETRY_AFTER_MS = 2_000;

/**
 * Errors that mean "the database did not confirm the write": the caller may repeat it. The names are those of the classes
 * of mongodb 7 (`src/error.ts`) and mongoose 9 (`lib/error`). Names, because an error that crossed a worker thread or
 * comes from a second copy of the package is no instance of the class.
 */
const OUTAGE_NAMES = new Set([
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoServerSelectionError',
  'MongoNotConnectedError',
  'MongoTopologyClosedError',
  'MongoClientClosedError',
  'MongoPoolClearedError',
  'MongoPoolClosedError',
  'MongoWaitQueueTimeoutError',
  'MongoWriteConcernError',
  'MongoOperationTimeoutError',
  'MongoExpiredSessionError',
  'MongooseServerSelectionError',
  'MongooseNotConnectedError',
  'MongooseBufferTimeoutError',
  'DisconnectedError',
]);

/** Codes in answers of the server that mean an outage, from MongoDB's `error_codes.yml`. */
const OUTAGE_CODES = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  50, // MaxTimeMSExpired
  64, // WriteConcernFailed
  89, // NetworkTimeout
  91, // ShutdownInProgress
  112, // WriteConflict
  189, // PrimarySteppedDown
  262, // ExceededTimeLimit
  9001, // SocketException
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
  14031, // OutOfDiskSpace
]);

/** Turns an outage of the database into `storage/unavailable` (503 with `Retry-After`); null for other errors. */
export const translateStorageError: ErrorTranslator = (error) => {
  if (!(error instanceof Error)) return null;
  if (OUTAGE_NAMES.has(error.name) || OUTAGE_CODES.has(codeOf(error))) return storageUnavailable(error);
  // mongoose has no error class for a call before the first connection.
  if (error.name === 'MongooseError' && /initial connection/.test(error.message))
    return storageUnavailable(error);
  return null;
};

export function storageUnavailable(cause?: unknown): DomainError {
  return new DomainError('storage/unavailable', 'Storage is not reachable just now; try again shortly.', {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

/** The first field of the unique index that refused a write; null for other errors. */
export function duplicateKeyField(error: unknown): string | null {
  if (!(error instanceof Error) || codeOf(error) !== 11_000) return null;
  const pattern = (error as { keyPattern?: Record<string, unknown> }).keyPattern;
  return pattern ? (Object.keys(pattern)[0] ?? null) : null;
}

function codeOf(error: Error): number {
  return 'code' in error && typeof error.code === 'number' ? error.code : NaN;
}

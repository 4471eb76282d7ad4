import type { ErrorCode } from './error-codes.js';

/** What kind of thing went wrong, in the words of the business; `error-answers.ts` gives each its HTTP status. */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'precondition-failed'
  | 'too-large'
  | 'unsupported'
  | 'too-many'
  | 'unavailable'
  | 'storage-full';

/** One fault in what was sent: `path` as in `positions[3].lat`. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

export interface DomainErrorDetails {
  readonly errors?: readonly FieldError[];
  /** When the same call may work again. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/**
 * Whatever a service refuses or cannot do. The code is part of the contract (`error-codes.ts` lists them all); the
 * message is for people, names the field and the limit, and never carries a secret or a database's own words.
 */
export class DomainError extends Error {
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly kind: ErrorKind,
    readonly code: ErrorCode,
    message: string,
    details: DomainErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'DomainError';
    this.errors = details.errors;
    this.retryAfterMs = details.retryAfterMs;
  }
}

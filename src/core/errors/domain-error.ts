import { ERROR_CODES, type ErrorCode, type ErrorKind } from './error-codes.js';

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
  readonly kind: ErrorKind;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: DomainErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'DomainError';
    this.kind = ERROR_CODES[code].kind;
    this.errors = details.errors;
    this.retryAfterMs = details.retryAfterMs;
  }
}

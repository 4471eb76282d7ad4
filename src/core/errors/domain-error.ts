import { ERROR_CODES, type ErrorCode, type ErrorKind } from './error-codes.js';

/** One invalid field of the input. */
export interface FieldError {
  /** As in `positions[3].lat`. */
  readonly path: string;
  readonly message: string;
}

interface DomainErrorDetails {
  readonly errors?: readonly FieldError[];
  /** Time after which the same call can succeed, milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/**
 * An expected failure: the service refuses a call or cannot do it. The code is part of the contract (`error-codes.ts`). The
 * message is for people: it names the field and the limit, and contains no secret and no text of the database.
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

/** The error `input/invalid`; its message has the first three of the given errors. */
export function invalidInput(errors: readonly FieldError[]): DomainError {
  const named = errors.slice(0, 3).map((fault) => fault.message);
  return new DomainError('input/invalid', named.join('; ') || 'The input is not valid.', {
    errors,
  });
}

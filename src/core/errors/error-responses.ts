import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { type ErrorCode, STATUS_BY_KIND } from './error-codes.js';
import { DomainError, type FieldError } from './domain-error.js';

/** Turns what a library threw into a `DomainError`, or gives null for what it does not know. */
export type ErrorTranslator = (error: unknown) => DomainError | null;

/** Provided by `database/`: `common` knows no database, yet its outage has to become 503 everywhere. */
export const ERROR_TRANSLATOR = Symbol('ERROR_TRANSLATOR');

/** RFC 9457, with the contract's own members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string;
  readonly errors?: readonly FieldError[];
}

/** Codes of answers that come from the framework and not from a feature. */
const FRAMEWORK_CODE: Partial<Record<number, ErrorCode>> = {
  400: 'http/bad-request',
  404: 'http/not-found',
  408: 'http/request-timeout',
  413: 'http/body-too-large',
  415: 'http/unsupported-media-type',
  416: 'http/range-not-satisfiable',
  417: 'http/expectation-failed',
  431: 'http/headers-too-large',
};

/** Any thrown value as a `DomainError`; null when it is nobody's fault but ours (500). */
export function asDomainError(error: unknown, translate: ErrorTranslator): DomainError | null {
  return error instanceof DomainError ? error : translate(error);
}

export function problemOf(error: unknown, requestId: string, translate: ErrorTranslator): Problem {
  const known = asDomainError(error, translate);
  if (known) {
    return {
      ...problem(STATUS_BY_KIND[known.kind], known.code, known.message, requestId),
      ...(known.errors && { errors: known.errors }),
    };
  }
  const status = statusOf(error);
  // A fault of the caller that no code names is still the caller's.
  const code =
    status === undefined
      ? undefined
      : (FRAMEWORK_CODE[status] ?? (isClientFault(status) ? 'http/bad-request' : undefined));
  if (status !== undefined && code !== undefined) {
    return problem(status, code, error instanceof Error ? error.message : code, requestId);
  }
  return problem(
    500,
    'internal',
    'Something went wrong here; it has been logged under the request id.',
    requestId,
  );
}

/** What a socket's acknowledgement carries instead of an answer. */
export function socketErrorOf(error: unknown, translate: ErrorTranslator): SocketErrorAck {
  const known = asDomainError(error, translate);
  if (!known)
    return { error: { code: 'internal', message: 'Something went wrong here; it has been logged.' } };
  return {
    error: {
      code: known.code,
      message: known.message,
      ...(known.retryAfterMs !== undefined && { retryAfterMs: known.retryAfterMs }),
      ...(known.errors && { errors: known.errors }),
    },
  };
}

export interface SocketErrorAck {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retryAfterMs?: number;
    readonly errors?: readonly FieldError[];
  };
}

export function problem(status: number, code: ErrorCode, detail: string, requestId: string): Problem {
  return {
    type: `urn:samserver:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    code,
    requestId,
  };
}

function isClientFault(status: number): boolean {
  return status >= 400 && status < 500;
}

/** Nest's exceptions, and those of body-parser and Express, which carry `status`. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof Error && 'status' in error && typeof error.status === 'number') return error.status;
  return undefined;
}

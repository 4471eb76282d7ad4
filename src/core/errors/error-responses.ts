import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { type ErrorCode, STATUS_BY_KIND } from './error-codes.js';
import { DomainError, type FieldError } from './domain-error.js';

/** Converts an error of a library into a `DomainError`; null for other errors. */
export type ErrorTranslator = (error: unknown) => DomainError | null;

/** Provided by `database/`: core does not depend on it, but every endpoint must answer 503 during a database outage. */
export const ERROR_TRANSLATOR = Symbol('ERROR_TRANSLATOR');

/** RFC 9457, with the members `code`, `requestId` and `errors`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string;
  readonly errors?: readonly FieldError[];
}

/** Codes for errors of the framework, by status. */
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

/** Any thrown value as a `DomainError`; null for an unexpected error (500). */
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
  // A 4xx status without its own code stays an error of the client.
  const code =
    status === undefined
      ? undefined
      : (FRAMEWORK_CODE[status] ?? (isClientError(status) ? 'http/bad-request' : undefined));
  if (status !== undefined && code !== undefined) {
    return problem(status, code, error instanceof Error ? error.message : code, requestId);
  }
  return problem(500, 'internal', 'Unexpected error. The log has it under the request id.', requestId);
}

/** The acknowledgement of a socket event that failed. */
export function socketErrorOf(error: unknown, translate: ErrorTranslator): SocketErrorAck {
  const known = asDomainError(error, translate);
  if (!known) return { error: { code: 'internal', message: 'Unexpected error. The log has it.' } };
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

function isClientError(status: number): boolean {
  return status >= 400 && status < 500;
}

/** The status of Nest exceptions, and of body-parser and Express errors, which have `status`. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof Error && 'status' in error && typeof error.status === 'number') return error.status;
  return undefined;
}

/** What can go wrong between a client and the service; each carries a `code` that a program can branch on. */

/** One fault of the input, as problem+json lists them. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** The parts of an RFC 9457 answer that the service fills. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly requestId?: string;
}

/** The service answered, and the answer was no. */
export class ApiError extends Error implements Problem {
  readonly status: number;
  readonly code: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly requestId?: string;

  constructor(problem: Problem) {
    const faults = problem.errors?.map((fault) => `${fault.path}: ${fault.message}`).join('; ');
    const reason = [problem.detail ?? problem.title, faults].filter(Boolean).join(' — ');
    super(`${problem.status} ${problem.code}${reason === '' ? '' : `: ${reason}`}`);
    this.name = 'ApiError';
    this.status = problem.status;
    this.code = problem.code;
    this.title = problem.title;
    this.detail = problem.detail;
    this.errors = problem.errors;
    this.requestId = problem.requestId;
  }
}

/** Nobody answered: refused, unknown host, cut off, or too late. Whether a request took effect is not known. */
export class UnreachableError extends Error {
  readonly code: 'client/unreachable' | 'client/timeout';

  constructor(
    readonly address: string,
    code: 'client/unreachable' | 'client/timeout',
    reason: string,
    cause?: unknown,
  ) {
    super(`${address}: ${reason}`, { cause });
    this.name = 'UnreachableError';
    this.code = code;
  }
}

/**
 * A socket's own bad end. `auth/…` codes and answers without `retryAfterMs` come from the service;
 * `client/closed` means that the client gave up waiting, so the fix may be stored or not.
 */
export class SocketClientError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'SocketClientError';
  }
}

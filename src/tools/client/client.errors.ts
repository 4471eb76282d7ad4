/** One entry of `errors` in problem+json. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** An RFC 9457 answer of the service. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly requestId?: string;
}

/** The service answered with an error. */
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

/** No answer: connection refused, unknown host, cut, or time-out. The request can have taken effect. */
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
 * The final error of a socket request. `auth/…` codes and answers without `retryAfterMs` come from the service;
 * `client/closed` means that the client stopped waiting, so the fix can be stored or not.
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

import { DomainError } from '../errors/domain-error.js';
import { problemOf } from '../errors/error-responses.js';
import { requestIdFor } from './request-context.js';

/** An answer that is written without the framework. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The answer to an error that no Nest filter handles: before a request exists, and on the socket port. The format is that of
 * all other errors. The connection closes after it.
 * @param error a DomainError, or an error with `status`
 * @param givenId value of the header `X-Request-Id`
 */
export function rawErrorResponse(error: unknown, givenId?: string | string[]): RawResponse {
  const requestId = requestIdFor(givenId);
  const problem = problemOf(error, requestId, () => null);
  const body = JSON.stringify(problem);
  const retryAfterMs = error instanceof DomainError ? error.retryAfterMs : undefined;
  return {
    status: problem.status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Content-Length': String(Buffer.byteLength(body)),
      'X-Request-Id': requestId,
      ...(retryAfterMs !== undefined && { 'Retry-After': String(Math.ceil(retryAfterMs / 1_000)) }),
      Connection: 'close',
    },
    body,
  };
}

/** The bytes of the answer, for a connection without a response object. */
export function serializeResponse({ status, headers, body }: RawResponse): string {
  const { title } = JSON.parse(body) as { title: string };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join('')}\r\n${body}`;
}

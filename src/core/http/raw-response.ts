import { DomainError } from '../errors/domain-error.js';
import { problemOf } from '../errors/error-responses.js';
import { requestIdFor } from './request-id.js';

/** An answer where there is no framework to give it. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * An error as every other one is answered, where no filter of Nest's sees it: before there is a request, and on the socket
 * port. The connection ends with it.
 * @param error a DomainError, or one with `status`
 * @param givenId the caller's `X-Request-Id`
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

/** For a connection that has no response object. */
export function serializeResponse({ status, headers, body }: RawResponse): string {
  const { title } = JSON.parse(body) as { title: string };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join('')}\r\n${body}`;
}

import type { NextFunction, Request, Response } from 'express';
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The HTTP request that is being served. */
export interface RequestContext {
  readonly requestId: string;
  readonly ip: string;
  /** The authenticated caller; set by `auth`, which defines its shape. null before authentication. */
  caller: unknown;
}

/** The same pattern is in `docker/nginx/nginx.conf`. */
const VALID_ID = /^[A-Za-z0-9._:-]{1,64}$/;
export const REQUEST_ID_HEADER = 'X-Request-Id';

const REQUEST_ID = Symbol('request id');
type IdentifiedRequest = IncomingMessage & { [REQUEST_ID]?: string };

/** The process has one storage, because the logger exists before the application. Each request has its own context. */
const storage = new AsyncLocalStorage<RequestContext>();

/** null outside of an HTTP request: in socket events and background work. */
export function currentRequest(): RequestContext | null {
  return storage.getStore() ?? null;
}

/**
 * Runs work outside the request context: a request starts it, but it also serves other requests. Its log lines get no
 * request id.
 */
export function runOutsideRequest<T>(work: () => T): T {
  return storage.exit(work);
}

/**
 * Middleware that opens the request context. It uses the request id of the caller when that is valid, so that one id
 * covers proxy, service and logs, and otherwise makes a new one.
 */
export function requestId(request: Request, response: Response, next: NextFunction): void {
  const id = identify(request);
  response.setHeader(REQUEST_ID_HEADER, id);
  storage.run({ requestId: id, ip: request.ip ?? '', caller: null }, next);
}

/** Gives a request its id, which `requestIdOf` returns from then on. */
export function identify(request: IncomingMessage): string {
  const id = requestIdFor(request.headers['x-request-id']);
  (request as IdentifiedRequest)[REQUEST_ID] = id;
  return id;
}

/** @param given value of the header `X-Request-Id` */
export function requestIdFor(given: string | string[] | undefined): string {
  return typeof given === 'string' && VALID_ID.test(given) ? given : randomUUID();
}

export function requestIdOf(request: IncomingMessage): string {
  return (request as IdentifiedRequest)[REQUEST_ID] ?? '';
}

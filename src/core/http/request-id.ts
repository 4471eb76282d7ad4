import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { runInRequest } from './request-context.js';

const VALID_ID = /^[A-Za-z0-9._:-]{1,64}$/;
const HEADER = 'X-Request-Id';

/**
 * Takes the caller's id when it is sane (so that one id runs through proxy, service and logs), else makes one. From
 * here on everything that is done for this request knows it.
 */
export function requestId(request: Request, response: Response, next: NextFunction): void {
  const id = requestIdFor(request.get(HEADER));
  response.setHeader(HEADER, id);
  response.locals['requestId'] = id;
  runInRequest({ requestId: id, ip: request.ip ?? '', caller: null }, next);
}

/** The caller's own id when it is sane, else a new one. */
export function requestIdFor(given: string | string[] | undefined): string {
  return typeof given === 'string' && VALID_ID.test(given) ? given : randomUUID();
}

export function requestIdOf(request: Request): string {
  const id: unknown = request.res?.locals['requestId'];
  return typeof id === 'string' ? id : '';
}

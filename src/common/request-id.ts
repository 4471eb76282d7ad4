import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { duringCall } from './http-call.js';

const SANE = /^[A-Za-z0-9._:-]{1,64}$/;
const HEADER = 'X-Request-Id';

/**
 * Takes the caller's id when it is sane (so that one id runs through proxy, service and logs), else makes one. From
 * here on everything that is done for this request knows it.
 */
export function requestId(request: Request, response: Response, next: NextFunction): void {
  const given = request.get(HEADER);
  const id = given !== undefined && SANE.test(given) ? given : randomUUID();
  response.setHeader(HEADER, id);
  response.locals['requestId'] = id;
  duringCall({ requestId: id, ip: request.ip ?? '', caller: null }, next);
}

export function requestIdOf(request: Request): string {
  const id: unknown = request.res?.locals['requestId'];
  return typeof id === 'string' ? id : '';
}

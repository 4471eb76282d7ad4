import { Logger } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { problem } from '../../core/index.js';
import { OLD_ADDRESS_PREFIX } from './old-address.js';

const logger = new Logger('UnreadableAddresses');

/**
 * In front of the router, which answers 400 to a path that it cannot decode: below the old picture addresses such a path
 * names a file that is not there, like every other that leads nowhere.
 */
export function rejectUndecodableAddresses(request: Request, response: Response, next: NextFunction): void {
  const { originalUrl } = request;
  if (!originalUrl.startsWith(OLD_ADDRESS_PREFIX) || isDecodable(originalUrl)) return next();
  logger.warn({ url: originalUrl.slice(0, 500) }, 'an address that leads out of the pictures was refused');
  const requestId = String(response.getHeader('X-Request-Id'));
  const answer = problem(404, 'images/not-found', 'There is no such picture.', requestId);
  response.status(404).type('application/problem+json').send(JSON.stringify(answer));
}

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}

import { Logger } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { problem } from '../../core/index.js';
import { imageNotFound } from '../image.errors.js';
import { UPLOADS_DIRECTORY } from '../volume/volume-layout.js';

/** Path prefix of the old server's image addresses; the rest is the path below IMAGE_DIR. */
const OLD_ADDRESS_PREFIX = '/uploads/ambulance_images/';
const MAX_LOGGED_CHARACTERS = 500;

const logger = new Logger('OldAddresses');

/**
 * The path below the volume that an old address names, with `/` between its parts. null for an address that would lead
 * out of the old server's tree: `..`, an encoded slash, a control character, bytes that are no UTF-8, or a directory
 * of this service.
 * @param url as received: not decoded and not normalized
 */
export function pathOfOldAddress(url: string): string | null {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  if (!path.startsWith(OLD_ADDRESS_PREFIX)) return null;
  const parts = path.slice(OLD_ADDRESS_PREFIX.length).split('/').map(decoded);
  if (parts.some((part) => part === null || !isName(part))) return null;
  const [first = ''] = parts;
  if (first?.startsWith('.') || first === UPLOADS_DIRECTORY) return null;
  return parts.join('/');
}

/**
 * The old server's name of an image: its address without the first slash. null for an image without an old address: an
 * upload over the API.
 * @param path below the volume, with `/`
 */
export function oldAddressOf(path: string): string | null {
  const address = `${OLD_ADDRESS_PREFIX}${path.split('/').map(encodeURIComponent).join('/')}`;
  return pathOfOldAddress(address) === path ? `${OLD_ADDRESS_PREFIX.slice(1)}${path}` : null;
}

export function logRefusedAddress(url: string): void {
  logger.warn(
    { url: url.slice(0, MAX_LOGGED_CHARACTERS) },
    'old image address refused: it leaves the volume',
  );
}

/**
 * Middleware before the router, for the old addresses. Repeated slashes count as one, as on the old server: its readers
 * join a host with a slash and a path with one. A path that cannot be decoded gets 404, like every other address without a
 * file; the router would answer 400.
 */
export function prepareOldAddresses(request: Request, response: Response, next: NextFunction): void {
  const url = withoutRepeatedSlashes(request.originalUrl);
  if (!url.startsWith(OLD_ADDRESS_PREFIX)) return next();
  request.url = url;
  request.originalUrl = url;
  if (decoded(url) !== null) return next();
  logRefusedAddress(url);
  const requestId = String(response.getHeader('X-Request-Id'));
  const answer = problem(404, 'images/not-found', imageNotFound().message, requestId);
  response.status(404).type('application/problem+json').send(JSON.stringify(answer));
}

function withoutRepeatedSlashes(url: string): string {
  if (!url.includes('//')) return url;
  const [path = '', ...query] = url.split('?');
  return [path.replace(/\/{2,}/g, '/'), ...query].join('?');
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function isName(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && !/[/\p{Cc}]/u.test(part);
}

import { HttpException, HttpStatus } from '@nestjs/common';
import type { Request, Response } from 'express';
import { pipeline } from 'node:stream/promises';
import { contentDisposition } from '../sanitize-filename.js';
import { byteRange, type ByteRange } from './byte-range.js';
import type { OpenFile } from '../volume/open-in-volume.js';

/** Where nginx finds the volume; `internal` there, so that nobody asks for it by himself. */
const ACCEL_PREFIX = '/protected-images/';

export interface PictureResponse {
  readonly file: OpenFile;
  /** Below the volume. */
  readonly path: string;
  readonly contentType: string;
  readonly filename: string;
  /** With its quotes. */
  readonly etag: string;
  readonly cacheControl: string;
  readonly isAccelerated: boolean;
}

/**
 * Answers with a picture, or the part of it that is asked for; closes the file. A picture is never run as a page,
 * whatever is in it: its type is ours, no browser may guess another, and it would have no rights.
 */
export async function sendPicture(
  request: Request,
  response: Response,
  answer: PictureResponse,
): Promise<void> {
  try {
    setHeaders(response, answer);
    if (isNotModified(request, answer.etag)) response.status(HttpStatus.NOT_MODIFIED).end();
    // One that was taken in before nginx was to send them is the service's alone.
    else if (answer.isAccelerated && answer.file.isReadableByAll) sendAccelRedirect(response, answer);
    else await send(request, response, answer);
  } finally {
    await answer.file.handle.close();
  }
}

function setHeaders(
  response: Response,
  { contentType, filename, etag, cacheControl, file }: PictureResponse,
): void {
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Disposition', contentDisposition(filename));
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Security-Policy', "default-src 'none'; sandbox");
  response.setHeader('Cache-Control', cacheControl);
  response.setHeader('ETag', etag);
  response.setHeader('Last-Modified', new Date(file.mtimeMs).toUTCString());
  response.setHeader('Accept-Ranges', 'bytes');
}

/** RFC 9110, 13.1.2: compared weakly. */
function isNotModified(request: Request, etag: string): boolean {
  const header = request.get('if-none-match');
  if (header === undefined) return false;
  const bare = (tag: string): string => tag.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((tag) => bare(tag) === bare(etag));
}

function sendAccelRedirect(response: Response, { path }: PictureResponse): void {
  response.setHeader('X-Accel-Redirect', ACCEL_PREFIX + path.split('/').map(encodeURIComponent).join('/'));
  response.end();
}

async function send(request: Request, response: Response, answer: PictureResponse): Promise<void> {
  const { sizeBytes } = answer.file;
  const range = rangeOf(request, answer);
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${sizeBytes}`);
    throw new HttpException(
      'The range lies outside the picture.',
      HttpStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    );
  }
  if (range) {
    response.status(HttpStatus.PARTIAL_CONTENT);
    response.setHeader('Content-Range', `bytes ${range.start}-${range.end}/${sizeBytes}`);
  }
  response.setHeader('Content-Length', range ? range.end - range.start + 1 : sizeBytes);
  if (request.method === 'HEAD' || sizeBytes === 0) response.end();
  else await stream(response, answer, range ?? { start: 0, end: sizeBytes - 1 });
}

/** A part of another version than the one that the caller has the rest of would make a picture of two. */
function rangeOf(request: Request, { etag, file }: PictureResponse): ByteRange | 'unsatisfiable' | null {
  const ifRange = request.get('if-range');
  if (ifRange !== undefined && (ifRange !== etag || etag.startsWith('W/'))) return null;
  return byteRange(request.get('range'), file.sizeBytes);
}

async function stream(response: Response, { file }: PictureResponse, range: ByteRange): Promise<void> {
  const content = file.handle.createReadStream({ ...range, autoClose: false });
  try {
    await pipeline(content, response);
  } catch {
    // The reader went away, or the volume: either way the answer is cut, and its length says so.
    response.destroy();
  }
}

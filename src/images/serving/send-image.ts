import { HttpException, HttpStatus } from '@nestjs/common';
import { create as contentDisposition } from 'content-disposition';
import type { Request, Response } from 'express';
import { pipeline } from 'node:stream/promises';
import type { OpenFile } from '../volume/open-in-volume.js';

/** nginx's location of the volume. It is `internal`: clients cannot request it. */
const ACCEL_PREFIX = '/protected-images/';

export interface ImageResponse {
  readonly file: OpenFile;
  /** Below the volume. */
  readonly path: string;
  readonly contentType: string;
  readonly filename: string;
  /** The quotes are included. */
  readonly etag: string;
  readonly cacheControl: string;
  /** nginx sends the file. */
  readonly isAccelerated: boolean;
}

interface ByteRange {
  /** First and last byte, both included. */
  readonly start: number;
  readonly end: number;
}

/**
 * Answers with an image or one range of it, and closes the file. A browser never runs the content as a page: the type
 * is set here and not guessed, and the page would have no rights.
 * @throws HttpException 416 (`http/range-not-satisfiable`)
 */
export async function sendImage(request: Request, response: Response, image: ImageResponse): Promise<void> {
  try {
    setHeaders(response, image);
    if (isNotModified(request, image.etag)) response.status(HttpStatus.NOT_MODIFIED).end();
    // A file from the time before IMAGE_ACCEL was on is not readable for nginx.
    else if (image.isAccelerated && image.file.isReadableByAll) sendAccelRedirect(response, image);
    else await sendContent(request, response, image);
  } finally {
    await image.file.handle.close();
  }
}

function setHeaders(
  response: Response,
  { contentType, filename, etag, cacheControl, file }: ImageResponse,
): void {
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Disposition', contentDisposition(filename, { type: 'inline' }));
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Security-Policy', "default-src 'none'; sandbox");
  response.setHeader('Cache-Control', cacheControl);
  response.setHeader('ETag', etag);
  response.setHeader('Last-Modified', new Date(file.mtimeMs).toUTCString());
  response.setHeader('Accept-Ranges', 'bytes');
}

/**
 * RFC 9110, 13.1.2: weak comparison. Express's `request.fresh` is not used: it also answers 200 to `Cache-Control:
 * no-cache`, which `fetch` adds to every request with `If-None-Match`.
 */
function isNotModified(request: Request, etag: string): boolean {
  const header = request.get('if-none-match');
  if (header === undefined) return false;
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((tag) => opaque(tag) === opaque(etag));
}

function sendAccelRedirect(response: Response, { path }: ImageResponse): void {
  response.setHeader('X-Accel-Redirect', ACCEL_PREFIX + path.split('/').map(encodeURIComponent).join('/'));
  response.end();
}

async function sendContent(request: Request, response: Response, image: ImageResponse): Promise<void> {
  const { sizeBytes } = image.file;
  const range = rangeOf(request, image);
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${sizeBytes}`);
    throw new HttpException('The range lies outside the image.', HttpStatus.REQUESTED_RANGE_NOT_SATISFIABLE);
  }
  if (range) {
    response.status(HttpStatus.PARTIAL_CONTENT);
    response.setHeader('Content-Range', `bytes ${range.start}-${range.end}/${sizeBytes}`);
  }
  response.setHeader('Content-Length', range ? range.end - range.start + 1 : sizeBytes);
  if (request.method === 'HEAD' || sizeBytes === 0) response.end();
  else await stream(response, image, range ?? { start: 0, end: sizeBytes - 1 });
}

/**
 * null: send the whole image, as for a header with several ranges or one that cannot be parsed (RFC 9110, 14.2).
 * `If-Range` needs a strong match: parts of two versions must not be combined.
 */
function rangeOf(request: Request, { etag, file }: ImageResponse): ByteRange | 'unsatisfiable' | null {
  const ifRange = request.get('if-range');
  if (ifRange !== undefined && (ifRange !== etag || etag.startsWith('W/'))) return null;
  const ranges = request.range(file.sizeBytes);
  if (ranges === -1) return 'unsatisfiable';
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes') return null;
  return ranges.length === 1 ? (ranges[0] ?? null) : null;
}

async function stream(response: Response, { file }: ImageResponse, range: ByteRange): Promise<void> {
  const content = file.handle.createReadStream({ ...range, autoClose: false });
  try {
    await pipeline(content, response);
  } catch {
    // The client disconnected or the volume failed. The client detects it by Content-Length.
    response.destroy();
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http';

/** The body cannot be read: malformed, of an unknown encoding, or too large. */
export class UnreadableBodyError extends Error {
  constructor(
    readonly status: 400 | 413 | 415,
    message: string,
  ) {
    super(message);
  }
}

export const brokenBody = (why: string): UnreadableBodyError => new UnreadableBodyError(400, why);
export const bodyTooLarge = (maxBytes: number): UnreadableBodyError =>
  new UnreadableBodyError(413, `The body is over ${maxBytes} bytes.`);

export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || announcedBytes(request) > 0;
}

/** 0 for a chunked body. */
export function announcedBytes(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0);
}

/**
 * Reads the whole body.
 * @param refuse called with the size of each chunk; an error that it returns ends the reading
 * @throws UnreadableBodyError when it is longer than `maxBytes`, or the connection closes before its end; the error of `refuse`
 */
export async function readBytes(
  request: IncomingMessage,
  maxBytes: number,
  refuse: (bytes: number) => Error | null = () => null,
): Promise<Buffer> {
  if (announcedBytes(request) > maxBytes) throw bodyTooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  await new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      sizeBytes += chunk.length;
      const refusal = sizeBytes > maxBytes ? bodyTooLarge(maxBytes) : refuse(chunk.length);
      if (refusal) end(() => reject(refusal));
      else chunks.push(chunk);
    };
    const onEnd = (): void => end(resolve);
    const onCut = (): void =>
      end(() => reject(brokenBody('The request ended before its body was complete.')));
    const end = (settle: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('close', onCut);
      settle();
    };
    request.on('data', onData).on('end', onEnd).on('close', onCut);
    // An error without a listener would end the process.
    request.on('error', onCut);
    if (request.destroyed) onCut();
  });
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/**
 * The whole body when it has arrived already, as a small one has that came with its headers. It saves the listeners and
 * the promise of `readBytes`.
 * @returns null when a part of the body is still to come
 */
export function arrivedBytes(request: IncomingMessage): Buffer | null {
  if (!request.complete || request.destroyed || request.readableEnded) return null;
  return request.readableLength === 0 ? Buffer.alloc(0) : (request.read() as Buffer);
}

/** UTF-8 text without the byte order mark that some programs of Windows write first. */
export function textOf(body: Buffer): string {
  const text = body.toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/**
 * Writes the whole answer at once. When the body of the request is not read yet, the answer ends when the rest is read, or
 * `maxDiscardedBytes` of it: closing a connection while the client still sends resets it, and the client can lose the
 * answer.
 */
export async function answerEarly(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
  maxDiscardedBytes: number,
): Promise<void> {
  response.setHeader('Content-Length', Buffer.byteLength(body));
  if (request.complete || request.destroyed) {
    response.end(body);
    return;
  }
  response.setHeader('Connection', 'close');
  response.write(body);
  await discardRest(request, maxDiscardedBytes);
  response.end();
}

/** Reads the rest of a refused request and discards it. Closes the connection after `maxBytes`. */
export async function discardRest(request: IncomingMessage, maxBytes: number): Promise<void> {
  if (request.complete || request.destroyed) return;
  let sizeBytes = 0;
  await new Promise<void>((settle) => {
    request.once('end', settle).once('close', settle).once('error', settle);
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) request.destroy();
    });
    // `unpipe` has paused it.
    request.resume();
  });
}

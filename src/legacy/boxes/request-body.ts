import type { IncomingMessage } from 'node:http';

/** The body cannot be read: malformed, of an unknown encoding, or too large. Answered with the error page of Express. */
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
  new UnreadableBodyError(413, `over ${maxBytes} bytes`);

/**
 * Reads the whole body.
 * @throws UnreadableBodyError when it is longer than `maxBytes`, or the connection closes before its end
 */
export async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (announcedBytes(request) > maxBytes) throw bodyTooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  await new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) end(() => reject(bodyTooLarge(maxBytes)));
      else chunks.push(chunk);
    };
    const onEnd = (): void => end(resolve);
    const onCut = (): void => end(() => reject(brokenBody('cut off')));
    const end = (settle: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('close', onCut);
      settle();
    };
    request.on('data', onData).on('end', onEnd).on('close', onCut);
    // An error without a listener would end the process.
    request.on('error', onCut);
    if (request.destroyed) onCut();
  });
  return Buffer.concat(chunks);
}

export function announcedBytes(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0);
}

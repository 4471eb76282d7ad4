import type { IncomingMessage } from 'node:http';
import { bodyTooLarge, brokenBody } from './unreadable-body.errors.js';

/** Many boxes read an answer only when all is sent: so much of a refused body is read and thrown away. */
const MAX_DISCARDED_BYTES = 16_000_000;

/**
 * The whole body, at most so many bytes.
 * @throws UnreadableBodyError when it is more, or is cut off
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
    // One that broke is closed too; without a listener its error would end the process.
    request.on('error', onCut);
    if (request.destroyed) onCut();
  });
  return Buffer.concat(chunks);
}

export function announcedBytes(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0);
}

/** Reads the rest of a refused body and forgets it; ends the connection of who sends on and on. */
export async function discardRest(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  let sizeBytes = 0;
  await new Promise<void>((settle) => {
    request.once('end', settle).once('close', settle).once('error', settle);
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_DISCARDED_BYTES) request.destroy();
    });
    request.resume();
  });
}

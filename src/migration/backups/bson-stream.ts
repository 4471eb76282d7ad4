import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

/** MongoDB's limit with the room for what a server adds. */
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024 + 16_384;
const MIN_DOCUMENT_BYTES = 5;
/** Documents that are given at a time. */
const BATCH_BYTES = 1_000_000;

/** The bytes are not what their manifest says. */
export class DamagedContentError extends Error {}

/**
 * Splits a stream of BSON documents.
 * @param limitBytes more than the content can have: a small file can expand without end
 * @throws DamagedContentError; errors of the stream
 */
export async function* documentBatches(source: Readable, limitBytes: number): AsyncGenerator<Buffer[]> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let totalBytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    pending.push(chunk);
    pendingBytes += chunk.length;
    totalBytes += chunk.length;
    if (totalBytes > limitBytes) throw new DamagedContentError(`it expands to more than ${limitBytes} bytes`);
    if (pendingBytes < BATCH_BYTES) continue;
    const { documents, rest } = split(Buffer.concat(pending, pendingBytes));
    pending = [rest];
    pendingBytes = rest.length;
    if (documents.length > 0) yield documents;
  }
  const { documents, rest } = split(Buffer.concat(pending, pendingBytes));
  if (documents.length > 0) yield documents;
  if (rest.length > 0) throw new DamagedContentError('it ends within a document');
}

function split(bytes: Buffer): { readonly documents: Buffer[]; readonly rest: Buffer } {
  const documents: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= 4) {
    const size = bytes.readInt32LE(at);
    if (size < MIN_DOCUMENT_BYTES || size > MAX_DOCUMENT_BYTES)
      throw new DamagedContentError('it contains something that is no document');
    if (bytes.length - at < size) break;
    documents.push(bytes.subarray(at, at + size));
    at += size;
  }
  return { documents, rest: bytes.subarray(at) };
}

/** Counts documents and their bytes, and hashes them. */
export class ContentSum {
  private readonly hash = createHash('sha256');
  documents = 0;
  contentBytes = 0;

  add(documents: readonly Uint8Array[]): void {
    for (const document of documents) {
      this.hash.update(document);
      this.contentBytes += document.length;
    }
    this.documents += documents.length;
  }

  /** Ends the sum. */
  digest(): string {
    return this.hash.digest('hex');
  }
}

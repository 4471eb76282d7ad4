import busboy from 'busboy';
import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { announcedBytes, bodyTooLarge, brokenBody } from '../../core/index.js';
import { feedForm, FormTooLargeError } from '../../images/index.js';
import { addField, type LegacyFields } from '../legacy-fields.js';

interface LegacyFormReader<T> {
  /** Limit of the whole request, bytes. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** A longer file is cut one byte after this limit, so that `receive` can detect it. */
  readonly maxFileBytes: number;
  /**
   * Reads a file while it arrives. A rejection concerns this file only.
   * @param fields the fields before the file in the request
   */
  readonly receive: (content: Readable, fields: LegacyFields) => Promise<T>;
}

export interface LegacyFile<T> {
  /** As the box sent it. */
  readonly filename: string;
  readonly outcome: PromiseSettledResult<T>;
}

export interface LegacyForm<T> {
  readonly fields: LegacyFields;
  /** In the order of the request. */
  readonly files: readonly LegacyFile<T>[];
  /** Null when the form was read to its end. Otherwise the caller discards the received files. */
  readonly fault: Error | null;
}

const MAX_FIELDS = 40;

/**
 * Reads a form with any fields and any files under any names, as the multer of the old server did.
 * @throws UnreadableBodyError when the request is no form, or announces more than `maxBytes`
 */
export async function readLegacyForm<T>(
  request: IncomingMessage,
  reader: LegacyFormReader<T>,
): Promise<LegacyForm<T>> {
  if (announcedBytes(request) > reader.maxBytes) throw bodyTooLarge(reader.maxBytes);
  const form = createFormParser(request, reader);
  const fields: Record<string, unknown> = {};
  const files: { readonly filename: string; readonly received: Promise<T> }[] = [];
  form.on('field', (name: string, value: string) => addField(fields, name, value));
  form.on('file', (_name, content, { filename }) => {
    const received = reader.receive(drainOnDestroy(content), fields);
    // Settled below, after the end of the form.
    received.catch(() => undefined);
    files.push({ filename: filename ?? '', received });
  });
  const fault = await feedForm(request, form, reader.maxBytes);
  const outcomes = await Promise.allSettled(files.map(({ received }) => received));
  return {
    fields,
    files: files.map(({ filename }, n) => ({ filename, outcome: outcomes[n] as PromiseSettledResult<T> })),
    fault: fault && unreadable(fault, reader.maxBytes),
  };
}

function unreadable(fault: Error, maxBytes: number): Error {
  return fault instanceof FormTooLargeError ? bodyTooLarge(maxBytes) : brokenBody(fault.message);
}

/**
 * A copy of the stream that can be destroyed before its end. Destroying `content` itself would stall the form parser; this
 * one reads the rest of the file and discards it.
 */
function drainOnDestroy(content: Readable): Readable {
  const pipe = new PassThrough();
  content.on('error', (error) => pipe.destroy(error));
  // A connection that closes in the middle of a file can end the stream without an error.
  content.on('close', () => {
    if (!pipe.writableEnded) pipe.destroy(brokenBody('cut off'));
  });
  pipe.on('error', () => undefined);
  pipe.on('close', () => {
    content.unpipe(pipe);
    content.resume();
  });
  return content.pipe(pipe);
}

/** @throws UnreadableBodyError */
function createFormParser(
  request: IncomingMessage,
  { maxFiles, maxFileBytes }: LegacyFormReader<unknown>,
): busboy.Busboy {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: {
        files: maxFiles,
        fileSize: maxFileBytes + 1,
        fields: MAX_FIELDS,
        fieldNameSize: 100,
        fieldSize: 4_096,
        parts: MAX_FIELDS + maxFiles,
        headerPairs: 20,
      },
    });
  } catch {
    throw brokenBody('no form');
  }
}

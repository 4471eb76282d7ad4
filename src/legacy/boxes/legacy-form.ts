import busboy from 'busboy';
import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { addField, type LegacyFields } from '../legacy-fields.js';
import { announcedBytes, bodyTooLarge, brokenBody } from './request-body.js';

export interface LegacyFormReader<T> {
  /** Of the whole request. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** Of one file: it is cut there, one byte over, so that whoever reads it can tell. */
  readonly maxFileBytes: number;
  /** Reads a file as it comes; `fields` are those that stood before it. What it throws costs this file alone. */
  readonly receive: (content: Readable, fields: LegacyFields) => Promise<T>;
}

export interface LegacyFile<T> {
  /** As the sender wrote it. */
  readonly filename: string;
  readonly outcome: PromiseSettledResult<T>;
}

export interface LegacyForm<T> {
  readonly fields: LegacyFields;
  /** In the order in which they came. */
  readonly files: readonly LegacyFile<T>[];
  /** null: the form was read to its end. Otherwise what was received is the caller's to throw away. */
  readonly fault: Error | null;
}

const MAX_FIELDS = 40;

/** A form with any fields and any number of files under any names, as the old server's multer took it. */
export async function readLegacyForm<T>(
  request: IncomingMessage,
  reader: LegacyFormReader<T>,
): Promise<LegacyForm<T>> {
  if (announcedBytes(request) > reader.maxBytes) throw bodyTooLarge(reader.maxBytes);
  const form = formOf(request, reader);
  const fields: Record<string, unknown> = {};
  const files: { readonly filename: string; readonly received: Promise<T> }[] = [];
  form.on('field', (name: string, value: string) => addField(fields, name, value));
  form.on('file', (_name, content, { filename }) => {
    const received = reader.receive(drainOnDestroy(content), fields);
    // Heard below, when the form is through.
    received.catch(() => undefined);
    files.push({ filename: filename ?? '', received });
  });
  const fault = await readThrough(request, form, reader.maxBytes);
  const outcomes = await Promise.allSettled(files.map(({ received }) => received));
  return {
    fields,
    files: files.map(({ filename }, n) => ({ filename, outcome: outcomes[n] as PromiseSettledResult<T> })),
    fault,
  };
}

/**
 * Whoever stops reading a file early destroys it, and the form would wait for it for ever: so they get this one, and
 * the rest of the file goes nowhere.
 */
function drainOnDestroy(content: Readable): Readable {
  const pipe = new PassThrough();
  content.on('error', (error) => pipe.destroy(error));
  // Who went in the middle of it may leave no error behind, and whoever reads would wait for ever.
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

function formOf(
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

/** Not `pipeline`: it would end the request with the form, and with the request the answer. */
async function readThrough(
  request: IncomingMessage,
  form: busboy.Busboy,
  maxBytes: number,
): Promise<Error | null> {
  let sizeBytes = 0;
  const onData = (chunk: Buffer): void => {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) form.destroy(bodyTooLarge(maxBytes));
  };
  const onCut = (): unknown => !request.complete && form.destroy(brokenBody('cut off'));
  let fault: Error | null = null;
  const ended = new Promise<void>((settle) => {
    form.on('error', (error: Error) => {
      fault ??= 'status' in error ? error : brokenBody('malformed form');
      settle();
    });
    form.on('close', settle);
  });
  request.on('data', onData).on('close', onCut);
  request.on('error', onCut);
  if (request.destroyed) onCut();
  request.pipe(form);
  await ended;
  request.unpipe(form);
  request.off('data', onData).off('close', onCut);
  return fault;
}

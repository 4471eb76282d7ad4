import busboy from 'busboy';
import type { Request } from 'express';
import type { Readable } from 'node:stream';
import { imageTooLarge, noFile } from '../image.errors.js';

/** Boundary, part header and a name take less. */
const FORM_OVERHEAD_BYTES = 16_384;
/** Many clients read an answer only when all is sent: so much of a refused picture is read and thrown away. */
const MAX_DISCARDED_BYTES = 64_000_000;

export interface UploadFormReader<T> {
  readonly maxBytes: number;
  /** Reads the file as it arrives. */
  readonly receive: (content: Readable) => Promise<T>;
  /** It was received, and the form around it turned out to be none. */
  readonly discard: (received: T) => Promise<void>;
}

export interface ReceivedForm<T> {
  readonly received: T;
  /** As the sender wrote it. */
  readonly filename: string;
}

/**
 * Reads a form of exactly one part, a file named `file`.
 * @throws images/no-file, images/too-large, and what `receive` throws; the rest of the request has been read then
 */
export async function readUploadForm<T>(
  request: Request,
  reader: UploadFormReader<T>,
): Promise<ReceivedForm<T>> {
  try {
    const announcedBytes = Number(request.get('content-length') ?? 0);
    if (announcedBytes > reader.maxBytes + FORM_OVERHEAD_BYTES) throw imageTooLarge(reader.maxBytes);
    return await parse(request, reader);
  } catch (error) {
    await discardRest(request);
    throw error;
  }
}

async function parse<T>(request: Request, reader: UploadFormReader<T>): Promise<ReceivedForm<T>> {
  const form = createFormParser(request);
  const faults: Error[] = [];
  const files: { readonly filename: string; readonly received: Promise<T> }[] = [];
  form.on('file', (name, content, { filename }) => {
    // Whoever reads it hears of its failure; without a listener it would end the process.
    content.on('error', () => undefined);
    if (name !== 'file') {
      faults.push(noFile('The part that holds the picture must be named `file`.'));
      content.resume();
      return;
    }
    const received = reader.receive(content);
    received.catch(() => form.destroy(new Error('the picture was refused')));
    files.push({ filename: filename ?? '', received });
  });
  const onOther = (): unknown => faults.push(noFile('The form must hold one picture and nothing else.'));
  form.on('field', onOther).on('filesLimit', onOther).on('fieldsLimit', onOther).on('partsLimit', onOther);

  const formFault = await readThrough(request, form);
  const [file] = files;
  // First of all, why the picture itself was refused: what follows from it says less.
  const received = await file?.received.catch((error: unknown) => {
    throw error === formFault ? malformedForm() : error;
  });
  const fault = formFault ? malformedForm() : (faults[0] ?? null);
  if (fault && received !== undefined) await reader.discard(received);
  if (fault) throw fault;
  if (!file || received === undefined) throw noFile('There is no part named `file` in the form.');
  return { received, filename: file.filename };
}

function createFormParser(request: Request): busboy.Busboy {
  try {
    if (!/^multipart\/form-data\b/i.test(request.get('content-type') ?? '')) throw new Error('another type');
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { files: 1, fields: 1, parts: 2, fieldNameSize: 100, fieldSize: 1_024, headerPairs: 20 },
    });
  } catch {
    throw noFile('The body must be multipart/form-data with one part named `file`.');
  }
}

/**
 * Resolves when the form has been read, with what went wrong. Not `pipeline`: it would end the request with the form,
 * and with the request the answer.
 */
async function readThrough(request: Request, form: busboy.Busboy): Promise<Error | null> {
  const onCut = (): unknown => !request.complete && form.destroy(new Error('the request ended early'));
  const outcome = new Promise<Error | null>((settle) => {
    form.on('error', (error: Error) => settle(error));
    form.on('close', () => settle(null));
  });
  request.on('close', onCut);
  if (request.destroyed) onCut();
  request.pipe(form);
  const fault = await outcome;
  request.unpipe(form);
  request.off('close', onCut);
  return fault;
}

const malformedForm = (): Error => noFile('The form is malformed, or it ended early.');

async function discardRest(request: Request): Promise<void> {
  if (request.complete || request.destroyed) return;
  let bytes = 0;
  await new Promise<void>((settle) => {
    request.once('end', settle).once('close', settle).once('error', settle);
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_DISCARDED_BYTES) request.destroy();
    });
    // `unpipe` has left it paused.
    request.resume();
  });
}

import busboy from 'busboy';
import type { Request } from 'express';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { discardRest } from '../../core/index.js';
import { imageTooLarge, noFile } from '../image.errors.js';

/** Boundary, part header and file name take less. */
const FORM_OVERHEAD_BYTES = 16_384;
/** Many clients read the answer only after sending everything, so this much of a refused upload is read. */
const MAX_DISCARDED_BYTES = 64_000_000;

interface UploadFormReader<T> {
  readonly maxBytes: number;
  /** Reads the file while it arrives. */
  readonly receive: (content: Readable) => Promise<T>;
  /** Called when the file was received and the form around it is invalid. */
  readonly discard: (received: T) => Promise<void>;
}

export interface ReceivedForm<T> {
  readonly received: T;
  /** As the client sent it. */
  readonly filename: string;
}

/**
 * Reads a form of exactly one part: a file named `file`.
 * @throws images/no-file, images/too-large and the errors of `receive`, after the rest of the request was read
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
    await discardRest(request, MAX_DISCARDED_BYTES);
    throw error;
  }
}

async function parse<T>(request: Request, reader: UploadFormReader<T>): Promise<ReceivedForm<T>> {
  const form = createFormParser(request);
  const faults: Error[] = [];
  const files: { readonly filename: string; readonly received: Promise<T> }[] = [];
  form.on('file', (name, content, { filename }) => {
    // The reader gets the error. Without this listener it would also end the process.
    content.on('error', () => undefined);
    if (name !== 'file') {
      faults.push(noFile('The part that holds the image must be named `file`.'));
      content.resume();
      return;
    }
    const received = reader.receive(content);
    received.catch(() => form.destroy(new Error('the image was refused')));
    files.push({ filename: filename ?? '', received });
  });
  const onOther = (): unknown => faults.push(noFile('The form must hold one image and nothing else.'));
  form.on('field', onOther).on('filesLimit', onOther).on('fieldsLimit', onOther).on('partsLimit', onOther);

  const formFault = await feedForm(request, form);
  const [file] = files;
  // Throws the refusal of the image first: an error of the form may only be its consequence.
  const received = await file?.received.catch((error: unknown) => {
    throw error === formFault ? malformedForm() : error;
  });
  const fault = formFault ? malformedForm() : (faults[0] ?? null);
  if (fault && received !== undefined) await reader.discard(received);
  if (fault) throw fault;
  if (!file || received === undefined) throw noFile('The form has no part named `file`.');
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

const malformedForm = (): Error => noFile('The form is malformed, or it ended early.');

/** The connection closed before the end of the request. */
class FormCutOffError extends Error {}

/**
 * Feeds the body of a request to a form parser until the parser has closed. It does not use `pipeline`, which would
 * destroy the request after an error of the form, and with it the answer.
 * @returns null after the end of the form; otherwise the first error: the one above, the one that the parser was
 *   destroyed with, or the parser's own
 */
async function feedForm(request: IncomingMessage, form: busboy.Busboy): Promise<Error | null> {
  const onCutOff = (): void => {
    if (!request.complete) form.destroy(new FormCutOffError('the request ended early'));
  };
  const outcome = new Promise<Error | null>((settle) => {
    form.on('error', (error: Error) => settle(error));
    form.on('close', () => settle(null));
  });
  // The listener for errors stays: a later error without a listener would end the process.
  request.on('close', onCutOff).on('error', onCutOff);
  if (request.destroyed) onCutOff();
  request.pipe(form);
  const fault = await outcome;
  request.unpipe(form);
  request.off('close', onCutOff);
  return fault;
}

import busboy from 'busboy';
import type { IncomingMessage } from 'node:http';
import { brokenBody } from '../../core/index.js';
import { addField, type LegacyFields } from '../legacy-fields.js';

export interface LegacyFile {
  /** As the box sent it. */
  readonly filename: string;
  readonly bytes: Buffer;
}

export interface LegacyForm {
  readonly fields: LegacyFields;
  /** In the order of the request. */
  readonly files: readonly LegacyFile[];
}

const MAX_FIELDS = 40;

/**
 * Parses a form with any fields and any files under any names, as the multer of the old server did.
 * @param body of the request, complete
 * @param maxFiles further ones are left out
 * @throws UnreadableBodyError when it is no form, or malformed
 */
export async function parseLegacyForm(
  request: IncomingMessage,
  body: Buffer,
  maxFiles: number,
): Promise<LegacyForm> {
  const form = createFormParser(request, maxFiles);
  const fields: Record<string, unknown> = {};
  const files: { readonly filename: string; readonly chunks: Buffer[] }[] = [];
  form.on('field', (name: string, value: string) => addField(fields, name, value));
  form.on('file', (_name, content, { filename }) => {
    const chunks: Buffer[] = [];
    files.push({ filename: filename ?? '', chunks });
    // The parser has the same error.
    content.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    form.on('close', resolve).on('error', (error: Error) => reject(brokenBody(error.message)));
    form.end(body);
  });
  return { fields, files: files.map(({ filename, chunks }) => ({ filename, bytes: Buffer.concat(chunks) })) };
}

/** @throws UnreadableBodyError */
function createFormParser(request: IncomingMessage, maxFiles: number): busboy.Busboy {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: {
        files: maxFiles,
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

import type { IncomingMessage } from 'node:http';
import { brokenBody, exceedsJsonLimits, parseJsonBody, readBytes, textOf } from '../../core/index.js';
import { addField, type LegacyFields } from '../legacy-fields.js';
import { parseLegacyForm } from './legacy-form.js';

/** The format of a body, by its content type. */
type Dialect = 'json' | 'urlencoded' | 'multipart' | 'none';

interface LegacyBody {
  readonly fields: LegacyFields;
  /** As the box sent them. */
  readonly bytes: Buffer;
}

/** A report has five fields; as a form it is under 2 kB. The old server accepted 500 MB. */
const MAX_BYTES = 65_536;
const MAX_FIELDS = 100;

export function dialectOf(request: IncomingMessage): Dialect {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'application/json') return 'json';
  if (type === 'application/x-www-form-urlencoded') return 'urlencoded';
  return type === 'multipart/form-data' ? 'multipart' : 'none';
}

/**
 * Reads the fields of a report. A body of another type counts as empty, as on the old server, whose parsers ignored it.
 * @throws UnreadableBodyError
 */
export async function readLegacyBody(request: IncomingMessage): Promise<LegacyBody> {
  const bytes = await readBytes(request, MAX_BYTES);
  return { bytes, fields: await fieldsOf(request, bytes) };
}

async function fieldsOf(request: IncomingMessage, bytes: Buffer): Promise<LegacyFields> {
  switch (dialectOf(request)) {
    case 'json':
      return fieldsOfJson(bytes);
    case 'urlencoded':
      return fieldsOfUrlencoded(textOf(bytes));
    case 'multipart':
      // Files in a report are ignored.
      return (await parseLegacyForm(request, bytes, 1)).fields;
    case 'none':
      return {};
  }
}

/** @throws UnreadableBodyError unless it is a JSON object or list, as the parser of Express did */
export function fieldsOfJson(body: Buffer): LegacyFields {
  const value = parseJsonBody(body);
  // Panels get the body unchanged, so it must be possible to write it as JSON again.
  if (exceedsJsonLimits(value)) throw brokenBody('too deep, or too many fields');
  return Array.isArray(value) ? {} : (value as LegacyFields);
}

export function fieldsOfUrlencoded(text: string): LegacyFields {
  const fields: Record<string, unknown> = {};
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1;
    if (count > MAX_FIELDS) throw brokenBody('too many fields');
    addField(fields, name, value);
  }
  return fields;
}

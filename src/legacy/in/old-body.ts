import type { IncomingMessage } from 'node:http';
import { isUnwieldy } from '../../common/index.js';
import { addField, type OldFields } from './old-fields.js';
import { readOldForm } from './old-form.js';
import { readBytes } from './request-bytes.js';
import { brokenBody, UnreadableBodyError } from './unreadable-body.error.js';

/** How it was put. */
export type Dialect = 'json' | 'urlencoded' | 'multipart' | 'none';

export interface OldBody {
  readonly fields: OldFields;
  readonly dialect: Dialect;
}

/** A report has five fields; a form of them under 2 kB. The old server took 500 MB. */
const MOST_BYTES = 65_536;
const MOST_FIELDS = 100;

export function dialectOf(request: IncomingMessage): Dialect {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'application/json') return 'json';
  if (type === 'application/x-www-form-urlencoded') return 'urlencoded';
  return type === 'multipart/form-data' ? 'multipart' : 'none';
}

/**
 * The fields of a report. A body of another kind counts for an empty one, as the old server's parsers passed over it.
 * @throws UnreadableBodyError
 */
export async function readOldBody(request: IncomingMessage): Promise<OldBody> {
  const dialect = dialectOf(request);
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new UnreadableBodyError(415, 'compressed');
  return { dialect, fields: await fieldsOf(request, dialect) };
}

async function fieldsOf(request: IncomingMessage, dialect: Dialect): Promise<OldFields> {
  switch (dialect) {
    case 'json':
      return fieldsOfJson((await readBytes(request, MOST_BYTES)).toString('utf8'));
    case 'urlencoded':
      return fieldsOfUrlencoded((await readBytes(request, MOST_BYTES)).toString('utf8'));
    case 'multipart':
      return fieldsOfForm(request);
    case 'none':
      await readBytes(request, MOST_BYTES);
      return {};
  }
}

/** @throws UnreadableBodyError for what is no JSON, and for no object or list, as Express' parser refused it */
export function fieldsOfJson(text: string): OldFields {
  if (text.length === 0) return {};
  const value = parsed(text);
  if (typeof value !== 'object' || value === null) throw brokenBody('neither an object nor a list');
  // It is shown to panels as it came: what cannot be walked through cannot be written again either.
  if (isUnwieldy(value)) throw brokenBody('too deep, or too many fields');
  return Array.isArray(value) ? {} : (value as OldFields);
}

export function fieldsOfUrlencoded(text: string): OldFields {
  const fields: Record<string, unknown> = {};
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1;
    if (count > MOST_FIELDS) throw brokenBody('too many fields');
    addField(fields, name, value);
  }
  return fields;
}

/** The files of a report are nobody's: they are read and thrown away. */
async function fieldsOfForm(request: IncomingMessage): Promise<OldFields> {
  const { fields, fault } = await readOldForm(request, {
    mostBytes: MOST_BYTES,
    mostFiles: 1,
    mostFileBytes: MOST_BYTES,
    receive: (content) => Promise.resolve(void content.resume()),
  });
  if (fault) throw fault;
  return fields;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw brokenBody('no JSON');
  }
}

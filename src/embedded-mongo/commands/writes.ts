import type { Document } from 'bson';
import { encode, isTruthy } from '../bson-values.js';
import type { CollectionEntry } from '../catalog.js';
import { type Engine, prepareDocument } from '../engine.js';
import { badValue, CommandError, unknownField } from '../errors.js';
import { type Filter, parseFilter } from '../filter.js';
import type { Match } from '../scan.js';
import { StoredDocument } from '../stored-document.js';
import { insertFor, parseUpdate, type Update } from '../update-engine.js';
import { type Command, countField, documentField, statement, statements } from './command.js';

interface WriteOutcome {
  n: number;
  nModified?: number;
  upserted?: { index: number; _id: unknown }[];
}

/** Runs inside the transaction. @throws CommandError for an error of this statement only */
type Step = (
  engine: Engine,
  entry: CollectionEntry,
  raw: Buffer,
  outcome: WriteOutcome,
  index: number,
) => void;

/** A command with many statements in one transaction. A failed statement does not undo the others. */
function writeCommand(field: string, step: Step): Command {
  return {
    fields: [field, 'ordered'],
    run(context, body) {
      const raws = statements(context, body, field);
      const isOrdered = body.ordered === undefined || isTruthy(body.ordered);
      const { engine, namespace } = context;
      return engine.store.write((): Document => {
        const entry = engine.catalog.ensure(namespace);
        const outcome: WriteOutcome = { n: 0 };
        const writeErrors: Document[] = [];
        for (const [index, raw] of raws.entries()) {
          try {
            step(engine, entry, raw, outcome, index);
          } catch (error) {
            // Not an error of the statement: the whole command is rolled back.
            if (!(error instanceof CommandError)) throw error;
            writeErrors.push({ index, code: error.code, errmsg: error.message, ...error.detail });
            if (isOrdered) break;
          }
        }
        return { ...outcome, ...(writeErrors.length > 0 && { writeErrors }), ok: 1 };
      });
    },
  };
}

const insert = writeCommand('documents', (engine, entry, raw, outcome) => {
  engine.insert(entry, prepareDocument(raw));
  outcome.n++;
});

const update = writeCommand('updates', (engine, entry, raw, outcome, index) => {
  const one = statement('update.updates', raw, ['q', 'u', 'upsert', 'multi']);
  const filter = parseFilter(documentField('update.updates', one, 'q'));
  const change = parseUpdate(one.u);
  if (isTruthy(one.multi) && change.isReplacement)
    throw new CommandError(9, 'multi update is not supported for replacement-style update');
  outcome.nModified ??= 0;
  const matches = matchesOf(engine, entry, filter, isTruthy(one.multi) ? Infinity : 1);
  for (const match of matches) {
    if (updateMatch(engine, entry, match, change) !== match.document) outcome.nModified++;
    outcome.n++;
  }
  if (matches.length > 0 || !isTruthy(one.upsert)) return;
  const document = insertFor(filter, change);
  engine.insert(entry, document);
  outcome.n++;
  (outcome.upserted ??= []).push({ index, _id: document.field('_id') });
});

const remove = writeCommand('deletes', (engine, entry, raw, outcome) => {
  const one = statement('delete.deletes', raw, ['q', 'limit']);
  const filter = parseFilter(documentField('delete.deletes', one, 'q'));
  const limit = countField('delete.deletes', one, 'limit', 0);
  if (limit > 1) throw badValue(`The limit field in delete objects must be 0 or 1. Got ${limit}`);
  for (const match of matchesOf(engine, entry, filter, limit || Infinity)) {
    engine.remove(entry, match);
    outcome.n++;
  }
});

/**
 * The documents that a write will change, all read before the first change: a scan that finds its own writes could change
 * a document twice. Call it inside `Store.write` only.
 */
function matchesOf(engine: Engine, entry: CollectionEntry, filter: Filter, limit: number): Match[] {
  const matches: Match[] = [];
  for (const match of engine.scan(entry, filter).run()) {
    matches.push(match);
    if (matches.length === limit) break;
  }
  return matches;
}

/** @returns the document after the update; the same object as `match.document` when nothing changed */
function updateMatch(engine: Engine, entry: CollectionEntry, match: Match, update: Update): Document {
  const document = update.apply(match.document, false);
  const raw = encode(document);
  if (raw.equals(match.raw)) return match.document;
  engine.replace(entry, match, new StoredDocument(raw));
  return document;
}

/** Options of findAndModify that drivers always send; only false is supported. */
const REFUSED = ['remove', 'upsert'];

/** Updates one document. @returns the document before the update or, with `new`, after it */
const findAndModify: Command = {
  fields: ['query', 'update', 'new', ...REFUSED],
  run({ engine, namespace }, body) {
    const refused = REFUSED.find((field) => isTruthy(body[field]));
    if (refused !== undefined) throw unknownField('findAndModify', refused);
    const filter = parseFilter(documentField('findAndModify', body, 'query'));
    const change = parseUpdate(body.update);
    return engine.store.write(() => {
      const entry = engine.catalog.ensure(namespace);
      const [match] = matchesOf(engine, entry, filter, 1);
      if (!match) return { lastErrorObject: { n: 0, updatedExisting: false }, value: null, ok: 1 };
      const document = updateMatch(engine, entry, match, change);
      const value = isTruthy(body.new) ? document : match.document;
      return { lastErrorObject: { n: 1, updatedExisting: true }, value, ok: 1 };
    });
  },
};

export const WRITE_COMMANDS: Record<string, Command> = { insert, update, delete: remove, findAndModify };

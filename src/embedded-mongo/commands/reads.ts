import { type Document, Long } from 'bson';
import { assertFieldName, isTruthy, formatValue, TYPE, typeOf } from '../bson-values.js';
import { Cursor, type Project, nextTurn, SLICE_KEYS } from '../cursors.js';
import { parseFilter } from '../filter.js';
import { badValue } from '../errors.js';
import { RawArray } from '../wire.js';
import { type Command, countField, documentField, sortField, stringField } from './command.js';

/** MongoDB's default for the first batch. */
const FIRST_BATCH = 101;

/**
 * The named fields and `_id` (manual: "Project Fields to Return from Query").
 * @returns null when the whole document is requested
 * @throws CommandError BadValue for the exclusion of fields, and for expressions
 */
function parseProjection(projection: Document): Project | null {
  const kept = new Set(['_id']);
  for (const [field, flag] of Object.entries(projection) as [string, unknown][]) {
    assertFieldName(field);
    if ((typeOf(flag) !== TYPE.number && typeof flag !== 'boolean') || !isTruthy(flag))
      throw badValue(
        `the embedded database projects whole fields only, not { ${field}: ${formatValue(flag)} }`,
      );
    kept.add(field);
  }
  if (kept.size === 1 && !Object.hasOwn(projection, '_id')) return null;
  return (document) => Object.fromEntries(Object.entries(document).filter(([field]) => kept.has(field)));
}

const find: Command = {
  fields: ['filter', 'sort', 'projection', 'limit', 'batchSize', 'singleBatch', 'readConcern'],
  async run({ engine, namespace }, body) {
    const filter = parseFilter(documentField('find', body, 'filter'));
    const sort = sortField('find', body);
    const project = parseProjection(documentField('find', body, 'projection'));
    const limit = countField('find', body, 'limit', 0) || Infinity;
    const size = countField('find', body, 'batchSize', FIRST_BATCH);
    const entry = engine.catalog.find(namespace);
    const scan = entry ? engine.scan(entry, filter, sort) : null;
    const cursor = new Cursor(namespace, scan, project, limit);
    const firstBatch = new RawArray(await cursor.nextBatch(size));
    const id = isTruthy(body.singleBatch) ? 0 : engine.cursors.keep(cursor);
    return { cursor: { firstBatch, id: Long.fromNumber(id), ns: namespace }, ok: 1 };
  },
};

const getMore: Command = {
  isOnServer: true,
  fields: ['collection', 'batchSize'],
  async run({ engine, request }, body) {
    const id = Number(body.getMore);
    const namespace = `${request.database}.${stringField('getMore', body, 'collection')}`;
    const size = countField('getMore', body, 'batchSize', 0) || Infinity;
    const cursor = engine.cursors.take(id, namespace);
    const nextBatch = new RawArray(await cursor.nextBatch(size));
    const nextId = engine.cursors.keep(cursor, id);
    return { cursor: { nextBatch, id: Long.fromNumber(nextId), ns: namespace }, ok: 1 };
  },
};

const killCursors: Command = {
  fields: ['cursors'],
  run({ engine }, body) {
    const ids = Array.isArray(body.cursors) ? body.cursors.map(Number) : [];
    ids.forEach((id) => engine.cursors.kill(id));
    return { ok: 1 };
  },
};

const count: Command = {
  fields: ['query', 'readConcern'],
  async run({ engine, namespace }, body) {
    const filter = parseFilter(documentField('count', body, 'query'));
    const entry = engine.catalog.find(namespace);
    const scan = entry && engine.scan(entry, filter);
    let n = 0;
    while (scan && !scan.isDone) {
      for (const _ of scan.run(SLICE_KEYS)) n++;
      await nextTurn();
    }
    return { n, ok: 1 };
  },
};

export const READ_COMMANDS: Record<string, Command> = { find, getMore, killCursors, count };

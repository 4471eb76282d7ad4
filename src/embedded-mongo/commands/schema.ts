import { Long } from 'bson';
import {
  assertFieldName,
  decode,
  encode,
  isPlainObject,
  isTruthy,
  formatValue,
  TYPE,
  typeOf,
} from '../bson-values.js';
import type { CollectionEntry } from '../catalog.js';
import type { Engine } from '../engine.js';
import { CommandError } from '../errors.js';
import { parseFilter } from '../filter.js';
import type { IndexSpec } from '../index-definition.js';
import { prefixEnd } from '../order-keys.js';
import { type Command, documentField, statements } from './command.js';

/** mongoose still sends `background`; it has no effect here, nor in MongoDB 6. */
const SPEC_FIELDS = ['key', 'name', 'unique', 'sparse', 'background'];
/** Documents that are read and indexed at a time. */
const CHUNK = 1000;

/** Each collection is ordered by `_id`, so the option changes only the planner (manual: "Clustered Collections"). */
const create: Command = {
  fields: ['clusteredIndex'],
  run({ engine, namespace }, body) {
    const clustered: unknown = body.clusteredIndex;
    if (clustered !== undefined && formatValue(clustered) !== '{"key":{"_id":1},"unique":true}')
      throw new CommandError(
        197,
        'the embedded database takes clusteredIndex: { key: { _id: 1 }, unique: true } only',
      );
    return engine.store.write(() => {
      if (engine.catalog.find(namespace))
        throw new CommandError(48, `Collection ${namespace} already exists.`);
      engine.catalog.ensure(namespace, clustered !== undefined);
      return { ok: 1 };
    });
  },
};

const createIndexes: Command = {
  fields: ['indexes'],
  run(context, body) {
    const { engine, namespace } = context;
    const specs = statements(context, body, 'indexes').map(parseSpec);
    // The index on `_id` counts, too.
    const count = (): number => engine.catalog.ensure(namespace).indexes.length + 1;
    return engine.store.write(() => {
      const numIndexesBefore = count();
      for (const spec of specs)
        if (!isPresent(engine.catalog.ensure(namespace), spec)) build(engine, namespace, spec);
      return { numIndexesBefore, numIndexesAfter: count(), ok: 1 };
    });
  },
};

function parseSpec(raw: Buffer): IndexSpec {
  const given = decode(raw);
  const unknown = Object.keys(given).find((field) => !SPEC_FIELDS.includes(field));
  if (unknown !== undefined)
    throw new CommandError(197, `The field '${unknown}' is not valid for an index specification.`);
  const { key, name, unique, sparse } = given;
  if (typeof name !== 'string' || !isPlainObject(key) || Object.keys(key).length === 0)
    throw new CommandError(9, "an index specification needs a 'name' and a 'key' that is not empty");
  for (const [field, order] of Object.entries(key) as [string, unknown][]) {
    assertFieldName(field);
    if (typeOf(order) !== TYPE.number || Number(order) !== 1)
      throw new CommandError(
        67,
        `the embedded database indexes ascending only, not ${field}: ${formatValue(order)}`,
      );
  }
  return {
    name,
    key: Object.fromEntries(Object.keys(key).map((field) => [field, 1])),
    ...(isTruthy(unique) && { unique: true }),
    ...(isTruthy(sparse) && { sparse: true }),
  };
}

/** @returns whether the index exists @throws CommandError IndexKeySpecsConflict, IndexOptionsConflict */
function isPresent({ indexes }: CollectionEntry, spec: IndexSpec): boolean {
  if (Object.keys(spec.key).join() === '_id') return true;
  const other = indexes.find(
    ({ spec: { name, key } }) => name === spec.name || formatValue(key) === formatValue(spec.key),
  )?.spec;
  if (!other || encode(other).equals(encode(spec))) return other !== undefined;
  throw new CommandError(
    other.name === spec.name ? 86 : 85,
    `The index ${spec.name} conflicts with the existing index ${other.name}`,
  );
}

/** Runs in one transaction, so an index exists with all documents or does not exist. */
function build(engine: Engine, namespace: string, spec: IndexSpec): void {
  const entry = engine.catalog.ensure(namespace);
  const scan = engine.scan(entry, parseFilter({}));
  const target = { ...entry, indexes: [engine.catalog.addIndex(entry, spec)] };
  // Reads a chunk completely before it writes: LMDB does not support writes during an open range.
  while (!scan.isDone)
    for (const match of [...scan.run(CHUNK)]) engine.reindex(target, match.key, undefined, match);
}

/** All indexes in one batch (manual: "listIndexes"). @throws CommandError NamespaceNotFound */
const listIndexes: Command = {
  fields: ['cursor'],
  run({ engine, namespace }) {
    const entry = engine.catalog.find(namespace);
    if (!entry) throw new CommandError(26, `ns does not exist: ${namespace}`);
    // The index on `_id` is unique without saying so.
    const { key, name } = entry.primary.spec;
    const firstBatch = [{ key, name }, ...entry.indexes.map(({ spec }) => spec)].map((spec) => ({
      v: 2,
      ...spec,
    }));
    return { cursor: { firstBatch, id: Long.ZERO, ns: namespace }, ok: 1 };
  },
};

/** All collections of the database in one batch (manual: "listCollections"). */
const listCollections: Command = {
  isOnServer: true,
  fields: ['filter', 'nameOnly', 'authorizedCollections', 'cursor'],
  run({ engine, request: { database } }, body) {
    if (Object.keys(documentField('listCollections', body, 'filter')).length > 0)
      throw new CommandError(197, 'the embedded database takes no filter of listCollections');
    const firstBatch = engine.catalog.listOf(database).map(({ namespace, isClustered }) => ({
      name: namespace.slice(database.length + 1),
      type: 'collection',
      options: isClustered ? { clusteredIndex: { v: 2, key: { _id: 1 }, name: '_id_', unique: true } } : {},
      info: { readOnly: false },
    }));
    return { cursor: { firstBatch, id: Long.ZERO, ns: `${database}.$cmd.listCollections` }, ok: 1 };
  },
};

/** The collections are gone at once; their keys go in steps (manual: "dropDatabase"). */
const dropDatabase: Command = {
  isOnServer: true,
  fields: [],
  async run({ engine, request: { database } }) {
    const entries = engine.catalog.listOf(database);
    await engine.store.write(() => entries.forEach((entry) => engine.catalog.remove(entry)));
    for (const { prefix } of entries.flatMap(({ primary, indexes }) => [primary, ...indexes]))
      while (await engine.store.write(() => removeSome(engine, prefix)));
    return { dropped: database, ok: 1 };
  },
};

/** @returns whether keys are left */
function removeSome({ store }: Engine, prefix: Buffer): boolean {
  const keys: Buffer[] = [];
  for (const { key } of store.range({ start: prefix, end: prefixEnd(prefix) })) {
    keys.push(key);
    if (keys.length === CHUNK) break;
  }
  keys.forEach((key) => store.remove(key));
  return keys.length === CHUNK;
}

export const SCHEMA_COMMANDS: Record<string, Command> = {
  create,
  createIndexes,
  listIndexes,
  listCollections,
  dropDatabase,
};

import { type Document, ObjectId } from 'bson';
import { decode, encode, fieldOf, MAX_DOCUMENT_BYTES, formatValue } from './bson-values.js';
import { Catalog, type CollectionEntry } from './catalog.js';
import { Cursors } from './cursors.js';
import { CommandError } from './errors.js';
import type { Filter } from './filter.js';
import { tablePrefix } from './index-definition.js';
import { joinKey, orderKey } from './order-keys.js';
import { planFor, type Sort } from './planner.js';
import { type Match, Scan, type ScanStats } from './scan.js';
import type { Store } from './store.js';

/** `_id` in front, as MongoDB stores it. */
export interface StoredDocument {
  raw: Buffer;
  document: Document;
}

/**
 * Bytes stay as they came unless `_id` is missing or not in front.
 * @throws BSONError when the bytes are not BSON; CommandError BSONObjectTooLarge
 */
export function prepareDocument(bytes: Buffer): StoredDocument {
  const document = decode(bytes);
  if (Object.keys(document)[0] === '_id' && bytes.length <= MAX_DOCUMENT_BYTES)
    return { raw: bytes, document };
  const ordered = { _id: fieldOf(document, '_id') ?? new ObjectId(), ...document };
  return { raw: encode(ordered), document: ordered };
}

/**
 * What every command works on: documents and their places in the indexes. Everything that can be wrong with a document
 * is found before its first byte is written, so a statement that fails has done nothing and the command may go on.
 */
export class Engine {
  readonly stats: ScanStats = { keysExamined: 0, documentsExamined: 0 };
  readonly cursors = new Cursors();
  readonly catalog: Catalog;

  constructor(readonly store: Store) {
    this.catalog = new Catalog(store);
  }

  scan(entry: CollectionEntry, filter: Filter, sort: Sort = []): Scan {
    return new Scan(this.store, planFor(entry, filter, sort), filter, this.stats);
  }

  /** @throws CommandError DuplicateKey, KeyTooLong, BadValue for a value that is not indexed here */
  insert(entry: CollectionEntry, { raw, document }: StoredDocument): void {
    const key = joinKey([tablePrefix(entry.primary.tableId), orderKey(document._id)]);
    if (this.store.get(key)) throw entry.primary.duplicate(entry.namespace, document);
    this.reindex(entry, key, undefined, document);
    this.store.put(key, raw);
  }

  /** @throws as `insert`, and CommandError ImmutableField when `_id` differs */
  replace(entry: CollectionEntry, { key, document: old }: Match, { raw, document }: StoredDocument): void {
    assertSameId(old._id, document._id);
    this.reindex(entry, key, old, document);
    this.store.put(key, raw);
  }

  remove(entry: CollectionEntry, { key, document }: Match): void {
    this.reindex(entry, key, document);
    this.store.remove(key);
  }

  /** Moves the document from where it stood in the indexes to where it stands now. @throws CommandError DuplicateKey */
  reindex(entry: CollectionEntry, key: Buffer, before?: Document, after?: Document): void {
    const id = key.subarray(tablePrefix(0).length);
    const moves = entry.indexes.flatMap((index) => {
      const from = before && index.keyOf(before, id);
      const to = after && index.keyOf(after, id);
      if (from && to?.equals(from)) return [];
      if (after && to && index.spec.unique && this.store.get(to))
        throw index.duplicate(entry.namespace, after);
      return [{ from, to }];
    });
    for (const { from, to } of moves) {
      if (from) this.store.remove(from);
      if (to) this.store.put(to, key);
    }
  }
}

/** @throws CommandError ImmutableField */
export function assertSameId(before: unknown, after: unknown): void {
  if (!orderKey(before).equals(orderKey(after)))
    throw new CommandError(
      66,
      `Performing an update on the path '_id' would modify the immutable field '_id' (from ${formatValue(before)} to ${formatValue(after)})`,
    );
}

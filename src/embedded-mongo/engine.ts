import { ObjectId } from 'bson';
import { decode, encode, fieldOf, MAX_DOCUMENT_BYTES, formatValue } from './bson-values.js';
import { Catalog, type CollectionEntry } from './catalog.js';
import { Cursors } from './cursors.js';
import { CommandError } from './errors.js';
import type { Filter } from './filter.js';
import { joinKey, orderKey } from './order-keys.js';
import { planFor, type Sort } from './planner.js';
import { isFirstElement, isWellFormed } from './raw-bson.js';
import { type Match, Scan, type ScanStats } from './scan.js';
import type { Store } from './store.js';
import { StoredDocument } from './stored-document.js';

/**
 * Keeps the bytes unless `_id` is missing or not the first field, as MongoDB stores it.
 * @throws BSONError when the bytes are not BSON; CommandError BSONObjectTooLarge
 */
export function prepareDocument(bytes: Buffer): StoredDocument {
  if (!isWellFormed(bytes)) decode(bytes);
  if (isFirstElement(bytes, '_id') && bytes.length <= MAX_DOCUMENT_BYTES) return new StoredDocument(bytes);
  const fields = decode(bytes);
  return new StoredDocument(encode({ _id: fieldOf(fields, '_id') ?? new ObjectId(), ...fields }));
}

/**
 * Documents and their index entries. A statement that fails has changed nothing, so the command may continue: all errors of
 * index entries are found before the first one is written.
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

  /** @throws CommandError DuplicateKey, KeyTooLong, BadValue for a value that cannot be indexed */
  insert(entry: CollectionEntry, document: StoredDocument): void {
    const key = joinKey([entry.primary.prefix, orderKey(document.field('_id'))]);
    if (!this.store.add(key, document.raw)) throw entry.primary.duplicate(entry.namespace, document);
    try {
      this.reindex(entry, key, undefined, document);
    } catch (error) {
      this.store.remove(key);
      throw error;
    }
  }

  /** @throws as `insert`, and CommandError ImmutableField when `_id` differs */
  replace(entry: CollectionEntry, old: Match, document: StoredDocument): void {
    assertSameId(old.field('_id'), document.field('_id'));
    this.reindex(entry, old.key, old, document);
    this.store.put(old.key, document.raw);
  }

  remove(entry: CollectionEntry, match: Match): void {
    this.reindex(entry, match.key, match);
    this.store.remove(match.key);
  }

  /** Replaces the index entries of the document. @throws CommandError DuplicateKey */
  reindex(entry: CollectionEntry, key: Buffer, before?: StoredDocument, after?: StoredDocument): void {
    const id = key.subarray(entry.primary.prefix.length);
    const moves: { from: Buffer | null; to: Buffer | null }[] = [];
    for (const index of entry.indexes) {
      const from = before ? index.keyOf(before, id) : null;
      const to = after ? index.keyOf(after, id) : null;
      if (from && to?.equals(from)) continue;
      if (after && to && index.spec.unique && this.store.has(to))
        throw index.duplicate(entry.namespace, after);
      moves.push({ from, to });
    }
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

import { decode, encode } from './bson-values.js';
import { CommandError } from './errors.js';
import { IndexDefinition, type IndexSpec, tablePrefix } from './index-definition.js';
import { prefixEnd, joinKey } from './order-keys.js';
import type { Store } from './store.js';

/** One collection in the catalog. Its primary index is the table of its documents. */
export interface CollectionEntry {
  /** `DATABASE.COLLECTION` */
  namespace: string;
  /** Created with `clusteredIndex`. Only the planner makes a difference: every table is ordered by `_id`. */
  isClustered: boolean;
  primary: IndexDefinition;
  indexes: IndexDefinition[];
}

interface StoredEntry {
  namespace: string;
  tableId: number;
  isClustered?: boolean;
  indexes: { tableId: number; spec: IndexSpec }[];
}

const CATALOG_TABLE = 0;
const ENTRIES = joinKey([tablePrefix(CATALOG_TABLE), Buffer.from('c')]);
const NEXT_TABLE = joinKey([tablePrefix(CATALOG_TABLE), Buffer.from('n')]);

/** Collections and their indexes. Call methods that change it inside `Store.write` only. */
export class Catalog {
  private readonly entries = new Map<string, CollectionEntry>();

  constructor(private readonly store: Store) {
    this.load();
    store.onRollback(() => this.load());
  }

  find(namespace: string): CollectionEntry | undefined {
    return this.entries.get(namespace);
  }

  /** Creates the collection on first use, as MongoDB does. @throws CommandError InvalidNamespace */
  ensure(namespace: string, isClustered = false): CollectionEntry {
    const existing = this.find(namespace);
    if (existing) return existing;
    if (!/^[^/\\. "$\0]+\.(?!system\.)[^$\0]+$/.test(namespace))
      throw new CommandError(73, `Invalid namespace specified '${namespace}'`);
    const primary = IndexDefinition.primary(this.nextTable());
    const entry = { namespace, isClustered, primary, indexes: [] };
    this.save(entry);
    return entry;
  }

  addIndex(entry: CollectionEntry, spec: IndexSpec): IndexDefinition {
    const index = new IndexDefinition(spec, this.nextTable());
    this.save({ ...entry, indexes: [...entry.indexes, index] });
    return index;
  }

  /** Of one database, ordered by name. */
  listOf(database: string): CollectionEntry[] {
    return [...this.entries.values()]
      .filter(({ namespace }) => namespace.startsWith(`${database}.`))
      .sort((one, other) => (one.namespace < other.namespace ? -1 : 1));
  }

  /** The collection does not exist any more. Its keys stay: numbers of tables are not used again. */
  remove({ namespace }: CollectionEntry): void {
    this.store.remove(joinKey([ENTRIES, Buffer.from(namespace)]));
    this.entries.delete(namespace);
  }

  private save(entry: CollectionEntry): void {
    const { namespace, isClustered, primary } = entry;
    const indexes = entry.indexes.map(({ tableId, spec }) => ({ tableId, spec }));
    const stored: StoredEntry = { namespace, tableId: primary.tableId, isClustered, indexes };
    this.store.put(joinKey([ENTRIES, Buffer.from(namespace)]), encode(stored));
    this.entries.set(namespace, entry);
  }

  private nextTable(): number {
    const id = (this.store.get(NEXT_TABLE)?.readUInt32BE() ?? CATALOG_TABLE) + 1;
    this.store.put(NEXT_TABLE, tablePrefix(id));
    return id;
  }

  private load(): void {
    this.entries.clear();
    for (const { value } of this.store.range({ start: ENTRIES, end: prefixEnd(ENTRIES) })) {
      const { namespace, tableId, isClustered = false, indexes } = decode(value) as unknown as StoredEntry;
      this.entries.set(namespace, {
        namespace,
        isClustered,
        primary: IndexDefinition.primary(Number(tableId)),
        indexes: indexes.map((index) => new IndexDefinition(index.spec, Number(index.tableId))),
      });
    }
  }
}

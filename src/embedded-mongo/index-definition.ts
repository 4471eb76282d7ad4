import type { Document } from 'bson';
import { fieldOf, formatValue } from './bson-values.js';
import { CommandError } from './errors.js';
import { joinKey, orderKey } from './order-keys.js';

/** As `createIndexes` takes it; every field ascending, an index is read both ways. */
export interface IndexSpec {
  name: string;
  key: Document;
  unique?: true;
  sparse?: true;
}

const PRIMARY_SPEC: IndexSpec = { name: '_id_', key: { _id: 1 }, unique: true };

/** One declared index, or the documents themselves, which lie in the order of their `_id`. */
export class IndexDefinition {
  readonly fields: readonly string[];

  constructor(
    readonly spec: IndexSpec,
    /** Prefixes this index's keys. */
    readonly tableId: number,
  ) {
    this.fields = Object.keys(spec.key);
  }

  static primary(tableId: number): IndexDefinition {
    return new IndexDefinition(PRIMARY_SPEC, tableId);
  }

  get isPrimary(): boolean {
    return this.spec === PRIMARY_SPEC;
  }

  /** The key of the document that lies under `documentKey` (without its table); null when it is not in this index. */
  keyOf(document: Document, documentKey: Buffer): Buffer | null {
    const values = this.valuesOf(document);
    if (this.spec.sparse && values.every((value) => value === undefined)) return null;
    const parts = [tablePrefix(this.tableId), ...values.map(orderKey)];
    // A unique index holds one document under its fields; another needs the `_id` to tell its documents apart.
    return joinKey(this.spec.unique ? parts : [...parts, documentKey]);
  }

  duplicate(namespace: string, document: Document): CommandError {
    const values = this.valuesOf(document);
    const shown = this.fields.map((field, i) => `${field}: ${formatValue(values[i])}`).join(', ');
    return new CommandError(
      11000,
      `E11000 duplicate key error collection: ${namespace} index: ${this.spec.name} dup key: { ${shown} }`,
      {
        keyPattern: this.spec.key,
        keyValue: Object.fromEntries(this.fields.map((field, i) => [field, values[i] ?? null])),
      },
    );
  }

  private valuesOf(document: Document): unknown[] {
    return this.fields.map((field) => fieldOf(document, field));
  }
}

export function tablePrefix(tableId: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(tableId);
  return prefix;
}

import type { Document } from 'bson';
import { formatValue } from './bson-values.js';
import { CommandError } from './errors.js';
import { joinKey, orderKey } from './order-keys.js';
import type { StoredDocument } from './stored-document.js';

/** A specification of `createIndexes`. All fields are ascending; an index is read in both directions. */
export interface IndexSpec {
  name: string;
  key: Document;
  unique?: true;
  sparse?: true;
}

const PRIMARY_SPEC: IndexSpec = { name: '_id_', key: { _id: 1 }, unique: true };

/** A declared index, or the table of the documents, which is ordered by `_id`. */
export class IndexDefinition {
  readonly fields: readonly string[];
  /** The start of all keys of this index. */
  readonly prefix: Buffer;

  constructor(
    readonly spec: IndexSpec,
    readonly tableId: number,
  ) {
    this.fields = Object.keys(spec.key);
    this.prefix = tablePrefix(tableId);
  }

  static primary(tableId: number): IndexDefinition {
    return new IndexDefinition(PRIMARY_SPEC, tableId);
  }

  get isPrimary(): boolean {
    return this.spec === PRIMARY_SPEC;
  }

  /** @param documentKey without its table. @returns the index key of the document; null when the index omits it */
  keyOf(document: StoredDocument, documentKey: Buffer): Buffer | null {
    const values = this.valuesOf(document);
    if (this.spec.sparse && values.every((value) => value === undefined)) return null;
    const parts = [this.prefix, ...values.map(orderKey)];
    // The keys of an index that is not unique need the `_id` to differ.
    return joinKey(this.spec.unique ? parts : [...parts, documentKey]);
  }

  duplicate(namespace: string, document: StoredDocument): CommandError {
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

  private valuesOf(document: StoredDocument): unknown[] {
    return this.fields.map((field) => document.field(field));
  }
}

export function tablePrefix(tableId: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(tableId);
  return prefix;
}

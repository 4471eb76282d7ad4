import type { Document } from 'bson';
import { decode, fieldOf } from './bson-values.js';
import { findElement, MISSING, readElement, UNREAD } from './raw-bson.js';

const ASCII = /^[\0-\x7f]*$/;

/**
 * A document as its bytes. Inserts, index keys and filters need one or two fields; they are read without decoding the
 * others, which costs ten times as much.
 */
export class StoredDocument {
  private decoded: Document | undefined;

  /** @param raw well-formed BSON */
  constructor(readonly raw: Buffer) {}

  /** All fields, with the number types of the bytes. */
  get document(): Document {
    return (this.decoded ??= decode(this.raw));
  }

  has(name: string): boolean {
    const at = this.find(name);
    return at === UNREAD ? Object.hasOwn(this.document, name) : at !== MISSING;
  }

  /** @returns the value as in `document`; undefined for a missing field */
  field(name: string): unknown {
    const at = this.find(name);
    if (at === MISSING) return undefined;
    const value = at === UNREAD ? undefined : readElement(this.raw, at);
    return value === undefined ? fieldOf(this.document, name) : value;
  }

  private find(name: string): number {
    return this.decoded || !ASCII.test(name) ? UNREAD : findElement(this.raw, name);
  }
}

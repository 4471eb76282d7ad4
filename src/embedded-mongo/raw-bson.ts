import { isUtf8 } from 'node:buffer';
import { Binary, Double, Int32, Long, ObjectId } from 'bson';

/** The types of values that are read here (https://bsonspec.org/spec.html). The package bson reads the others. */
const DOUBLE = 1;
const STRING = 2;
const OBJECT = 3;
const ARRAY = 4;
const BINARY = 5;
const OBJECT_ID = 7;
const BOOLEAN = 8;
const DATE = 9;
const NULL = 10;
const INT32 = 16;
const TIMESTAMP = 17;
const LONG = 18;

/** A binary of this subtype has a second length. */
const OLD_BINARY = 2;
/** The length at the start of a document. */
const HEAD_BYTES = 4;
/** The length and the zero byte of an empty document. */
const EMPTY_BYTES = 5;

export const MISSING = -1;
/** The document contains something that only the package bson reads. */
export const UNREAD = -2;

/**
 * Finds a top-level field in a well-formed document.
 * @returns the position of its element, of the last one if there are several; MISSING; UNREAD
 */
export function findElement(raw: Buffer, name: string): number {
  let found = MISSING;
  for (let at = HEAD_BYTES; at < raw.length - 1;) {
    const value = endOfName(raw, at + 1);
    if (isName(raw, at + 1, value, name)) found = at;
    const length = valueLength(raw, raw[at] as number, value);
    if (length === UNREAD) return UNREAD;
    at = value + length;
  }
  return found;
}

/** @returns whether the field is the first one of a document with at least one field */
export function isFirstElement(raw: Buffer, name: string): boolean {
  return isName(raw, HEAD_BYTES + 1, endOfName(raw, HEAD_BYTES + 1), name);
}

/** @returns the value with its number type; undefined for a type that only the package bson reads */
export function readElement(raw: Buffer, at: number): unknown {
  const value = endOfName(raw, at + 1);
  switch (raw[at]) {
    case DOUBLE:
      return new Double(raw.readDoubleLE(value));
    case STRING:
      return raw.toString('utf8', value + 4, value + 3 + raw.readInt32LE(value));
    case BINARY:
      return readBinary(raw, value);
    case OBJECT_ID:
      return new ObjectId(raw.subarray(value, value + 12));
    case BOOLEAN:
      return raw[value] === 1;
    case DATE:
      return new Date(raw.readInt32LE(value + 4) * 2 ** 32 + raw.readUInt32LE(value));
    case NULL:
      return null;
    case INT32:
      return new Int32(raw.readInt32LE(value));
    case LONG:
      return new Long(raw.readInt32LE(value), raw.readInt32LE(value + 4));
    default:
      return undefined;
  }
}

function readBinary(raw: Buffer, value: number): Binary | undefined {
  const subtype = raw[value + 4] as number;
  const start = value + 5;
  return subtype === OLD_BINARY
    ? undefined
    : new Binary(raw.subarray(start, start + raw.readInt32LE(value)), subtype);
}

/**
 * Checks all bytes of a document, as decoding does.
 * @returns false also for a document that only the package bson reads
 */
export function isWellFormed(raw: Buffer, start = 0, end = raw.length): boolean {
  if (end - start < EMPTY_BYTES || raw.readInt32LE(start) !== end - start || raw[end - 1] !== 0) return false;
  let at = start + HEAD_BYTES;
  while (at < end - 1) {
    const value = endOfName(raw, at + 1);
    const room = end - 1 - value;
    if (room < 0 || !isText(raw, at + 1, value - 1)) return false;
    const type = raw[at] as number;
    if (room < fixedLength(type)) return false;
    const length = valueLength(raw, type, value);
    if (length === UNREAD || length > room || !isValue(raw, type, value, length)) return false;
    at = value + length;
  }
  return at === end - 1;
}

/** The position after the zero byte that ends a name; beyond the document when there is none. */
function endOfName(raw: Buffer, start: number): number {
  let at = start;
  while (at < raw.length && raw[at] !== 0) at++;
  return at + 1;
}

function isName(raw: Buffer, start: number, end: number, name: string): boolean {
  if (end - start - 1 !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (raw[start + i] !== name.charCodeAt(i)) return false;
  return true;
}

/** The length of a value without content, or of the lengths before its content. */
function fixedLength(type: number): number {
  switch (type) {
    case DOUBLE:
    case DATE:
    case TIMESTAMP:
    case LONG:
      return 8;
    case STRING:
    case OBJECT:
    case ARRAY:
    case INT32:
      return 4;
    case BINARY:
      return 5;
    case OBJECT_ID:
      return 12;
    case BOOLEAN:
      return 1;
    default:
      return 0;
  }
}

function valueLength(raw: Buffer, type: number, at: number): number {
  switch (type) {
    case STRING:
    case BINARY:
      return fixedLength(type) + raw.readInt32LE(at);
    case OBJECT:
    case ARRAY:
      return raw.readInt32LE(at);
    case NULL:
      return 0;
    default:
      return fixedLength(type) || UNREAD;
  }
}

/** @param length within the document */
function isValue(raw: Buffer, type: number, at: number, length: number): boolean {
  switch (type) {
    case STRING:
      return length > 4 && raw[at + length - 1] === 0 && isText(raw, at + 4, at + length - 1);
    case OBJECT:
    case ARRAY:
      return isWellFormed(raw, at, at + length);
    case BINARY:
      return length >= 5 && raw[at + 4] !== OLD_BINARY;
    case BOOLEAN:
      return (raw[at] as number) <= 1;
    default:
      return true;
  }
}

function isText(raw: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((raw[at] as number) > 0x7f) return isUtf8(raw.subarray(at, end));
  return true;
}

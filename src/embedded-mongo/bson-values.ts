import {
  Binary,
  BSONValue,
  deserialize,
  type Document,
  Double,
  EJSON,
  Int32,
  Long,
  ObjectId,
  serialize,
} from 'bson';
import { badValue, CommandError } from './errors.js';

/** MongoDB's limit for one document, bytes (manual: "MongoDB Limits and Thresholds"). */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

/**
 * MongoDB's order of types (manual: "Comparison/Sort Order"). The numbers are MongoDB's canonical type numbers and the
 * first byte of every key. For MongoDB, NaN is a number below all others and in no range with them. Here it has its own
 * type.
 */
export const TYPE = {
  nullish: 5,
  nan: 9,
  number: 10,
  string: 15,
  object: 20,
  array: 25,
  binary: 30,
  objectId: 35,
  boolean: 40,
  date: 45,
} as const;

/** Keeps the number types, so that encoding gives the same bytes: a double stays a double, a long a long. */
export function decode(raw: Uint8Array): Document {
  return deserialize(raw, { promoteValues: false, promoteLongs: false, bsonRegExp: true });
}

/** @throws CommandError BSONObjectTooLarge */
export function encode(document: Document): Buffer {
  const raw = Buffer.from(serialize(document, { ignoreUndefined: false }));
  if (raw.length > MAX_DOCUMENT_BYTES)
    throw new CommandError(
      10334,
      `BSONObj size: ${raw.length} is invalid. Size must be between 0 and ${MAX_DOCUMENT_BYTES}`,
    );
  return raw;
}

/** @throws CommandError BadValue for a type that this server cannot order (Decimal128, Timestamp, …) */
export function typeOf(value: unknown): number {
  if (value === null || value === undefined) return TYPE.nullish;
  if (typeof value === 'string') return TYPE.string;
  if (typeof value === 'boolean') return TYPE.boolean;
  if (Array.isArray(value)) return TYPE.array;
  if (value instanceof ObjectId) return TYPE.objectId;
  if (value instanceof Date) return TYPE.date;
  if (value instanceof Binary) return TYPE.binary;
  if (typeof value === 'number' || value instanceof Int32 || value instanceof Double || value instanceof Long)
    return Number.isNaN(Number(value)) ? TYPE.nan : TYPE.number;
  if (value instanceof BSONValue)
    throw badValue(`the embedded database does not compare or index values of type ${value._bsontype}`);
  return TYPE.object;
}

/** @throws CommandError BadValue for a long that a JavaScript number cannot represent exactly */
export function numberOf(value: unknown): number {
  const number = Number(value);
  if (value instanceof Long && !Number.isSafeInteger(number))
    throw badValue(`the embedded database does not compare the long ${value.toString()}: it is beyond 2^53`);
  return number;
}

export function isPlainObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

export function isTruthy(value: unknown): boolean {
  return typeOf(value) === TYPE.number
    ? Number(value) !== 0
    : value !== false && value !== null && value !== undefined;
}

/** An own field of the document, not one of its prototype. */
export function fieldOf(document: Document, name: string): unknown {
  return Object.hasOwn(document, name) ? (document[name] as unknown) : undefined;
}

/**
 * Filters, updates, sorts, indexes and projections name whole fields. The content of a field is never evaluated.
 * @throws CommandError EmptyFieldName, DollarPrefixedFieldName, BadValue for a path into a field
 */
export function assertFieldName(name: string): void {
  if (name === '') throw new CommandError(56, 'An empty field name is not allowed.');
  if (name.startsWith('$'))
    throw new CommandError(52, `The dollar ($) prefixed field '${name}' is not valid.`);
  if (name.includes('.') || name === '__proto__')
    throw badValue(`the embedded database takes whole fields only, not '${name}'`);
}

/** The value as MongoDB's messages print it: `"x"`, `ObjectId('…')`, `new Date(0)`. */
export function formatValue(value: unknown): string {
  if (value instanceof ObjectId) return `ObjectId('${value.toHexString()}')`;
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  return EJSON.stringify(value ?? null);
}

import type { Document } from 'bson';
import { assertFieldName, decode, encode, formatValue, isPlainObject, TYPE, typeOf } from '../bson-values.js';
import type { Engine } from '../engine.js';
import { badValue, CommandError, unknownField } from '../errors.js';
import type { Sort } from '../planner.js';
import type { Request } from '../wire.js';

export interface CommandContext {
  engine: Engine;
  connectionId: number;
  request: Request;
  /** `DATABASE.COLLECTION`; not meaningful for commands without a collection. */
  namespace: string;
}

export interface Command {
  /** Allowed fields, without the command's own name and the common fields. */
  fields: readonly string[];
  /** The value of the first field is not a collection name. */
  isOnServer?: true;
  run(context: CommandContext, body: Document): Promise<Document> | Document;
}

/** Fields allowed in each command. Sessions need no state, because there are no transactions. */
const COMMON_FIELDS = new Set(['lsid', '$db', '$readPreference', 'writeConcern']);

/** A read sees what is flushed to the disk, which is what most members of a set of one have. */
const READ_CONCERNS: readonly unknown[] = [undefined, 'local', 'available', 'majority'];

/** @throws CommandError 20 for transactions, 40415 for an unsupported field, BadValue for an unsupported concern */
export function assertFields(name: string, command: Command, body: Document): void {
  const [, ...fields] = Object.keys(body);
  if (fields.includes('txnNumber'))
    throw new CommandError(20, 'Transaction numbers are only allowed on a replica set member or mongos');
  const unknown = fields.find((field) => !COMMON_FIELDS.has(field) && !command.fields.includes(field));
  if (unknown !== undefined) throw unknownField(name, unknown);
  // Every write is flushed before the answer, so any `j` is fulfilled, and any `w` that one server can fulfil.
  const w: unknown = documentField(name, body, 'writeConcern').w ?? 1;
  if (w !== 'majority' && !(Number(w) <= 1))
    throw badValue("cannot use 'w' > 1 when a host is not replicated");
  const level: unknown = documentField(name, body, 'readConcern').level;
  if (!READ_CONCERNS.includes(level))
    throw badValue(`readConcern level ${formatValue(level)} is not supported`);
}

const wrongType = (owner: string, field: string, expected: string): CommandError =>
  new CommandError(14, `BSON field '${owner}.${field}' is the wrong type, expected type '${expected}'`);

export function stringField(owner: string, body: Document, field: string): string {
  const value: unknown = body[field];
  if (typeof value !== 'string') throw wrongType(owner, field, 'string');
  return value;
}

export function documentField(owner: string, body: Document, field: string): Document {
  const value: unknown = body[field] ?? {};
  if (!isPlainObject(value)) throw wrongType(owner, field, 'object');
  return value;
}

/** @throws CommandError TypeMismatch for a value that is not a number, BadValue below zero */
export function countField(owner: string, body: Document, field: string, absent: number): number {
  const value: unknown = body[field] ?? absent;
  if (typeOf(value) !== TYPE.number) throw wrongType(owner, field, 'long');
  const count = Math.trunc(Number(value));
  if (count < 0) throw badValue(`BSON field '${owner}.${field}' value must be >= 0, actual value '${count}'`);
  return count;
}

/** @throws CommandError BadValue for values other than 1 and -1 (no `$meta`) */
export function sortField(owner: string, body: Document): Sort {
  return Object.entries(documentField(owner, body, 'sort')).map(([field, order]) => {
    assertFieldName(field);
    const direction = typeOf(order) === TYPE.number ? Number(order) : 0;
    if (direction !== 1 && direction !== -1) throw badValue(`Illegal key in $sort specification: ${field}`);
    return [field, direction];
  });
}

/** The statements of a write: in a sequence beside the body, as drivers send many, or in the body. */
export function statements({ request }: CommandContext, body: Document, field: string): Buffer[] {
  const beside = request.sequences.get(field);
  if (beside) return beside;
  const inBody: unknown = body[field];
  if (!Array.isArray(inBody) || !inBody.every(isPlainObject))
    throw new CommandError(14, `BSON field '${field}' must be an array of objects`);
  return inBody.map((one: Document) => encode(one));
}

/** One statement of `update` or `delete`. @throws CommandError 40415 for an unsupported field */
export function statement(owner: string, raw: Buffer, fields: readonly string[]): Document {
  const decoded = decode(raw);
  const unknown = Object.keys(decoded).find((field) => !fields.includes(field));
  if (unknown !== undefined) throw unknownField(owner, unknown);
  return decoded;
}

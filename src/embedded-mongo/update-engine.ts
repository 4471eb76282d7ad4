import { type Document, Double, Int32, Long } from 'bson';
import {
  assertFieldName,
  encode,
  fieldOf,
  isPlainObject,
  numberOf,
  formatValue,
  TYPE,
  typeOf,
} from './bson-values.js';
import { assertSameId, prepareDocument } from './engine.js';
import { badValue, CommandError } from './errors.js';
import { fixedFields, type Filter } from './filter.js';
import type { StoredDocument } from './stored-document.js';

export interface Update {
  isReplacement: boolean;
  /** @returns the document after the update; the given document is not changed */
  apply(document: Document, isInsert: boolean): Document;
}

type Modifier = (document: Document, field: string, operand: unknown) => void;

const $set: Modifier = (document, field, value) => {
  document[field] = value;
};

const $unset: Modifier = (document, field) => {
  delete document[field];
};

const $inc: Modifier = (document, field, amount) => {
  if (typeOf(amount) !== TYPE.number)
    throw new CommandError(
      14,
      `Cannot increment with non-numeric argument: {${field}: ${formatValue(amount)}}`,
    );
  const current = fieldOf(document, field);
  if (current !== undefined && typeOf(current) !== TYPE.number)
    throw new CommandError(
      14,
      `Cannot apply $inc to a value of non-numeric type. {_id: ${formatValue(document._id)}} has the field '${field}' of ${formatValue(current)}`,
    );
  document[field] = current === undefined ? amount : add(current, amount);
};

const MODIFIERS = new Map<string, Modifier>(Object.entries({ $set, $unset, $inc, $setOnInsert: $set }));

/**
 * @throws CommandError FailedToParse for an unsupported operator, ConflictingUpdateOperators, the errors of
 * `assertFieldName`; `apply` throws TypeMismatch
 */
export function parseUpdate(update: unknown): Update {
  if (!isPlainObject(update))
    throw new CommandError(9, 'the embedded database takes update documents only: no aggregation pipeline');
  return Object.keys(update)[0]?.startsWith('$') === true ? modification(update) : replacement(update);
}

function replacement(update: Document): Update {
  const dollar = Object.keys(update).find((name) => name.startsWith('$'));
  if (dollar !== undefined)
    throw new CommandError(52, `The dollar ($) prefixed field '${dollar}' is not allowed in a replacement.`);
  return {
    isReplacement: true,
    apply: (document) => ({
      ...(Object.hasOwn(document, '_id') && { _id: document._id as unknown }),
      ...update,
    }),
  };
}

function modification(update: Document): Update {
  const seen = new Set<string>();
  const steps = Object.entries(update).flatMap(([name, fields]: [string, unknown]) => {
    const modify = MODIFIERS.get(name);
    if (!modify) throw new CommandError(9, `Unknown modifier: ${name}`);
    if (!isPlainObject(fields)) throw new CommandError(9, `Modifiers operate on fields: ${name}`);
    return Object.entries(fields).map(([field, operand]: [string, unknown]) => {
      assertFieldName(field);
      if (seen.has(field))
        throw new CommandError(40, `Updating the path '${field}' would create a conflict at '${field}'`);
      seen.add(field);
      return { modify, field, operand, isForInsert: name === '$setOnInsert' };
    });
  });
  return {
    isReplacement: false,
    apply(document, isInsert) {
      const changed = { ...document };
      for (const { modify, field, operand, isForInsert } of steps)
        if (isInsert || !isForInsert) modify(changed, field, operand);
      return changed;
    },
  };
}

/** The document that an upsert inserts: the update applied to the equalities of the filter. @throws CommandError ImmutableField */
export function insertFor(filter: Filter, update: Update): StoredDocument {
  const fixed = fixedFields(filter);
  const document = prepareDocument(encode(update.apply(fixed, true)));
  if (Object.hasOwn(fixed, '_id')) assertSameId(fixed._id, document.field('_id'));
  return document;
}

/** int + int is int if it fits, else long; with a double, the sum is a double (manual: "$inc"). */
function add(left: unknown, right: unknown): Int32 | Long | Double {
  const sum = numberOf(left) + numberOf(right);
  if (left instanceof Double || right instanceof Double) return new Double(sum);
  if (!Number.isSafeInteger(sum)) throw badValue(`the embedded database does not count beyond 2^53`);
  const isInt = left instanceof Int32 && right instanceof Int32 && (sum | 0) === sum;
  return isInt ? new Int32(sum) : Long.fromNumber(sum);
}

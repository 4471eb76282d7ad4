import type { Document } from 'bson';
import { Context } from 'mingo/core';
import { $or } from 'mingo/operators/query/logical';
import { Query } from 'mingo/query';
import type { Options } from 'mingo/types';
import { assertFieldName, fieldOf, isPlainObject, isTruthy, typeOf } from './bson-values.js';
import { badValue, CommandError } from './errors.js';
import { orderKey } from './order-keys.js';

export interface Condition {
  field: string;
  operator: string;
  operand: unknown;
}

export interface Filter {
  /** Conditions that every match fulfils. They select the index; conditions inside `$or` do not. */
  conditions: Condition[];
  matches(document: Document): boolean;
}

type Matcher = (document: Document) => boolean;
type Operator = (field: string, operand: unknown) => Matcher;

/** An array matches by its elements (manual: "Query an Array"). */
const candidates = (document: Document, field: string): unknown[] => {
  const value = fieldOf(document, field);
  return Array.isArray(value) ? value : [value];
};

/** A value of another type than the operand does not match (manual: "Comparison Query Operators", type bracketing). */
function compare(isMatch: (order: number) => boolean): Operator {
  return (field, operand) => {
    const type = typeOf(operand);
    const key = orderKey(operand);
    return (document) =>
      candidates(document, field).some(
        (value) => typeOf(value) === type && isMatch(Buffer.compare(orderKey(value), key)),
      );
  };
}

const $in: Operator = (field, operand) => {
  if (!Array.isArray(operand)) throw badValue('$in needs an array');
  // A set of keys: the list may contain 10,000 ids, and every document is compared with it.
  const types = new Set(operand.map(typeOf));
  const keys = new Set(operand.map((value) => orderKey(value).toString('latin1')));
  return (document) =>
    candidates(document, field).some(
      (value) => types.has(typeOf(value)) && keys.has(orderKey(value).toString('latin1')),
    );
};

const $exists: Operator = (field, operand) => (document) =>
  Object.hasOwn(document, field) === isTruthy(operand);

/** mingo parses the query and combines its parts. The comparisons are our own: mingo's support neither long nor binary. */
const OPTIONS: Partial<Options> = {
  context: Context.init({
    query: {
      $or,
      $eq: compare((order) => order === 0),
      $gt: compare((order) => order > 0),
      $gte: compare((order) => order >= 0),
      $lt: compare((order) => order < 0),
      $lte: compare((order) => order <= 0),
      $in,
      $exists,
    } as never,
  }),
  scriptEnabled: false,
};

/** @throws CommandError BadValue with the name of an unsupported operator, path or type */
export function parseFilter(filter: Document): Filter {
  try {
    const conditions = conditionsOf(filter);
    const query = new Query(filter, OPTIONS);
    return { conditions, matches: (document) => query.test(document) };
  } catch (error) {
    throw error instanceof CommandError ? error : badValue((error as Error).message);
  }
}

function conditionsOf(filter: Document): Condition[] {
  return Object.entries(filter).flatMap(([name, operand]: [string, unknown]) => {
    if (name === '$or' && Array.isArray(operand)) {
      if (operand.length === 0) throw badValue('$or must be a nonempty array');
      operand.forEach(conditionsOf);
    }
    if (name.startsWith('$')) return [];
    assertFieldName(name);
    const isOperators = isPlainObject(operand) && Object.keys(operand).length > 0;
    const operators: Document = isOperators ? operand : { $eq: operand };
    return Object.entries(operators).map(([operator, value]) => ({
      field: name,
      operator,
      operand: value as unknown,
    }));
  });
}

/** Fields that the filter fixes to one value. An upsert starts from them, and a sort can ignore them. */
export function fixedFields(filter: Filter): Document {
  const fixed = filter.conditions.filter(({ operator }) => operator === '$eq');
  return Object.fromEntries(fixed.map(({ field, operand }) => [field, operand]));
}

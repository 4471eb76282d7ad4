import type { Document } from 'bson';
import { assertFieldName, isPlainObject, isTruthy, typeOf } from './bson-values.js';
import { badValue } from './errors.js';
import { orderKey } from './order-keys.js';
import type { StoredDocument } from './stored-document.js';

export interface Condition {
  field: string;
  operator: string;
  operand: unknown;
}

export interface Filter {
  /** Conditions that every match fulfils. They select the index; conditions inside `$or` do not. */
  conditions: Condition[];
  /** The filter has no more than `conditions`. */
  isPlain: boolean;
  matches(document: StoredDocument): boolean;
}

type Matcher = (document: StoredDocument) => boolean;
type Operator = (field: string, operand: unknown) => Matcher;

/** An array matches by its elements (manual: "Query an Array"). */
function isAny(value: unknown, isMatch: (element: unknown) => boolean): boolean {
  return Array.isArray(value) ? value.some(isMatch) : isMatch(value);
}

/** A value of another type than the operand does not match (manual: "Comparison Query Operators", type bracketing). */
function compare(isMatch: (order: number) => boolean): Operator {
  return (field, operand) => {
    const type = typeOf(operand);
    const key = orderKey(operand);
    const isElementMatch = (value: unknown): boolean =>
      typeOf(value) === type && isMatch(Buffer.compare(orderKey(value), key));
    return (document) => isAny(document.field(field), isElementMatch);
  };
}

const $in: Operator = (field, operand) => {
  if (!Array.isArray(operand)) throw badValue('$in needs an array');
  // A set of keys: the list may contain 10,000 ids, and every document is compared with it.
  const types = new Set(operand.map(typeOf));
  const keys = new Set(operand.map((value) => orderKey(value).toString('latin1')));
  const isElementMatch = (value: unknown): boolean =>
    types.has(typeOf(value)) && keys.has(orderKey(value).toString('latin1'));
  return (document) => isAny(document.field(field), isElementMatch);
};

const $exists: Operator = (field, operand) => (document) => document.has(field) === isTruthy(operand);

const OPERATORS = new Map<string, Operator>(
  Object.entries({
    $eq: compare((order) => order === 0),
    $gt: compare((order) => order > 0),
    $gte: compare((order) => order >= 0),
    $lt: compare((order) => order < 0),
    $lte: compare((order) => order <= 0),
    $in,
    $exists,
  }),
);

/** @throws CommandError BadValue with the name of an unsupported operator, path or type */
export function parseFilter(filter: Document): Filter {
  const conditions: Condition[] = [];
  const alternatives: Matcher[] = [];
  for (const [name, operand] of Object.entries(filter) as [string, unknown][]) {
    if (name === '$or') alternatives.push(parseOr(operand));
    else if (name.startsWith('$')) throw badValue(`unknown top level operator: ${name}`);
    else conditions.push(...conditionsOf(name, operand));
  }
  const matchers = [...conditions.map(matcherOf), ...alternatives];
  return {
    conditions,
    isPlain: alternatives.length === 0,
    matches: (document) => matchers.every((matches) => matches(document)),
  };
}

function parseOr(alternatives: unknown): Matcher {
  if (!Array.isArray(alternatives) || alternatives.length === 0)
    throw badValue('$or must be a nonempty array');
  if (!alternatives.every(isPlainObject)) throw badValue('$or entries need to be full objects');
  const filters = alternatives.map(parseFilter);
  return (document) => filters.some((filter) => filter.matches(document));
}

function conditionsOf(field: string, operand: unknown): Condition[] {
  assertFieldName(field);
  const isOperators = isPlainObject(operand) && Object.keys(operand)[0]?.startsWith('$') === true;
  const operators: Document = isOperators ? operand : { $eq: operand };
  return Object.entries(operators).map(([operator, value]) => ({
    field,
    operator,
    operand: value as unknown,
  }));
}

function matcherOf({ field, operator, operand }: Condition): Matcher {
  const make = OPERATORS.get(operator);
  if (!make) throw badValue(`unknown operator: ${operator}`);
  return make(field, operand);
}

/** Fields that the filter fixes to one value. An upsert starts from them, and a sort can ignore them. */
export function fixedFields(filter: Filter): Document {
  const fixed = filter.conditions.filter(({ operator }) => operator === '$eq');
  return Object.fromEntries(fixed.map(({ field, operand }) => [field, operand]));
}

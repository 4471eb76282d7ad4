/** Error codes from MongoDB's `src/mongo/base/error_codes.yml`; drivers and mongoose depend on them. */
const CODE_NAMES = {
  1: 'InternalError',
  2: 'BadValue',
  9: 'FailedToParse',
  14: 'TypeMismatch',
  20: 'IllegalOperation',
  26: 'NamespaceNotFound',
  40: 'ConflictingUpdateOperators',
  43: 'CursorNotFound',
  48: 'NamespaceExists',
  52: 'DollarPrefixedFieldName',
  56: 'EmptyFieldName',
  59: 'CommandNotFound',
  66: 'ImmutableField',
  67: 'CannotCreateIndex',
  73: 'InvalidNamespace',
  85: 'IndexOptionsConflict',
  86: 'IndexKeySpecsConflict',
  197: 'InvalidIndexSpecificationOption',
  291: 'NoQueryExecutionPlans',
  10334: 'BSONObjectTooLarge',
  11000: 'DuplicateKey',
  14031: 'OutOfDiskSpace',
  17280: 'KeyTooLong',
  40415: 'Location40415',
} as const;

export type ErrorCode = keyof typeof CODE_NAMES;

/** Becomes a reply with `ok: 0` or one entry of `writeErrors`. `detail` adds fields such as `keyPattern`. */
export class CommandError extends Error {
  readonly codeName: string;

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly detail: Record<string, unknown> = {},
  ) {
    super(message);
    this.codeName = CODE_NAMES[code];
  }
}

export const badValue = (message: string): CommandError => new CommandError(2, message);
export const unknownField = (owner: string, field: string): CommandError =>
  new CommandError(40415, `BSON field '${owner}.${field}' is an unknown field.`);

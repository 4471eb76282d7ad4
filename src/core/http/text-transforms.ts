/** For class-transformer's `@Transform`: outer spaces are nobody's intention. */
export const trimmed = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? value.trim() : value;

/** For ids: 24 hexadecimal digits are the same ones in capitals. */
export const lowerCased = ({ value }: { value: unknown }): unknown => {
  const lower = (each: unknown): unknown => (typeof each === 'string' ? each.toLowerCase() : each);
  return Array.isArray(value) ? value.map(lower) : lower(value);
};

/** Control characters in a name would break tables, logs and CSV. */
export const PRINTABLE = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u;

/** For class-transformer's `@Transform`: outer spaces are nobody's intention. */
export const trimmed = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? value.trim() : value;

/** Control characters in a name would break tables, logs and CSV. */
export const PRINTABLE = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u;

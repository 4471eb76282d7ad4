const MAX_BYTES = 2_048;
const MAX_DEPTH = 4;

/**
 * A plain object of JSON values: at most 2,048 bytes as JSON, four levels, keys that storage takes as they are. A key
 * that starts with `$` or holds a dot reads as an operator or a path in MongoDB; an object with `_bsontype` reads as one
 * of the driver's own types, and the driver throws over it when it is written.
 */
export function isAttributes(value: unknown): value is Record<string, unknown> {
  return (
    isPlainObject(value) && isStorable(value, 1) && Buffer.byteLength(JSON.stringify(value)) <= MAX_BYTES
  );
}

function isStorable(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((item) => isStorable(item, depth + 1));
  return (
    isPlainObject(value) &&
    Object.entries(value).every(([key, item]) => isKey(key) && isStorable(item, depth + 1))
  );
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isKey(key: string): boolean {
  return /^[^$.\0][^.\0]{0,63}$/.test(key) && key !== '__proto__' && key !== '_bsontype';
}

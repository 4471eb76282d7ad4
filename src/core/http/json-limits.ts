/** More than twice what any DTO needs. */
export const MAX_JSON_DEPTH = 16;
export const MAX_OBJECT_FIELDS = 200;

/**
 * True for input that no DTO accepts and that is expensive to validate: objects and arrays nested deeper than `levels`
 * (`JSON.parse` accepts 100,000 levels, and recursive code overflows the stack), or an object with more than 200 fields
 * (validation of 20,000 fields blocks the event loop for a second). DTOs limit the length of arrays.
 */
export function exceedsJsonLimits(value: unknown, levels = MAX_JSON_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const children: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  if (!Array.isArray(value) && children.length > MAX_OBJECT_FIELDS) return true;
  return children.some((child) => exceedsJsonLimits(child, levels - 1));
}

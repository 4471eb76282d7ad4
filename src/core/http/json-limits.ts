/** No DTO has half of it. */
export const MAX_JSON_DEPTH = 16;
export const MAX_OBJECT_FIELDS = 200;

/**
 * What no caller means and no DTO holds: objects and arrays within each other deeper than `levels` (JSON.parse takes
 * 100,000 levels; whatever walks through them by calling itself ends with a full stack), or an object of more than 200
 * fields (the check against a DTO takes a second of the event loop for 20,000). The length of arrays is a DTO's to say.
 */
export function exceedsJsonLimits(value: unknown, levels = MAX_JSON_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const children: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  if (!Array.isArray(value) && children.length > MAX_OBJECT_FIELDS) return true;
  return children.some((child) => exceedsJsonLimits(child, levels - 1));
}

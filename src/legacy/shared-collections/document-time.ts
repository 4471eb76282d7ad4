/** A date in a document of another program, epoch milliseconds; null when it is unreadable. */
export function timeMsOf(value: unknown): number | null {
  if (value instanceof Date) return value.getTime();
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const timeMs = new Date(value).getTime();
  return Number.isNaN(timeMs) ? null : timeMs;
}

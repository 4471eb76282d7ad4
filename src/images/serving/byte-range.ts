/** First and last byte, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const ONE_RANGE = /^bytes=(?<first>\d{0,15})-(?<last>\d{0,15})$/;

/**
 * RFC 9110, 14.2, for one range. null: send the whole, as for a header that asks for several ranges or says nothing
 * that can be understood. `unsatisfiable`: it lies outside.
 */
export function byteRange(header: string | undefined, sizeBytes: number): ByteRange | 'unsatisfiable' | null {
  const { first, last } = ONE_RANGE.exec(header?.trim() ?? '')?.groups ?? {};
  if (first === undefined || last === undefined || (first === '' && last === '')) return null;
  if (first === '') {
    const count = Number(last);
    if (count === 0 || sizeBytes === 0) return 'unsatisfiable';
    return { start: Math.max(0, sizeBytes - count), end: sizeBytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== '' && Number(last) < start) return null;
  return start < sizeBytes ? { start, end } : 'unsatisfiable';
}

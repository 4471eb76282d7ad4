/** One entry of the stream: shared events of one instance. */
export interface StreamEntry {
  /** The instance that wrote it. */
  readonly instance: string;
  /** 1 for its first entry, then one more for each; an entry that was not written leaves a hole. */
  readonly sequence: number;
  /** What the instance recorded before this time is in this entry or in earlier ones; epoch milliseconds, its clock. */
  readonly publishedUpToMs: number;
  /** Epoch milliseconds, clock of the instance. */
  readonly writtenAtMs: number;
  /** The instance ends after this entry. */
  readonly isLast: boolean;
  /** JSON: an array of `[event, value]`. */
  readonly events: string;
}

/** Short names: most entries hold one event of about 250 bytes. */
export function encodeEntry(entry: StreamEntry): Record<string, string> {
  return {
    i: entry.instance,
    n: String(entry.sequence),
    w: String(entry.publishedUpToMs),
    t: String(entry.writtenAtMs),
    e: entry.events,
    ...(entry.isLast && { x: '1' }),
  };
}

export function decodeEntry({ i = '', n, w, t, e = '[]', x }: Record<string, string>): StreamEntry {
  return {
    instance: i,
    sequence: Number(n),
    publishedUpToMs: Number(w),
    writtenAtMs: Number(t),
    isLast: x === '1',
    events: e,
  };
}

import { describe, expect, it } from '@jest/globals';
import { encodeRecord, parseRecords, type QueueRecord } from './record-format.js';

const record = (n: number): QueueRecord => ({
  key: `box ${n}`,
  atMs: 1_800_000_000_000 + n,
  // The mark of a record in the payload must not be taken for one.
  payload: Buffer.from(`SQR1 payload ${n} ${'x'.repeat(n * 7)}`),
});
const RECORDS = [0, 1, 2, 3].map(record);
const ENCODED = RECORDS.map(encodeRecord);
const SEGMENT = Buffer.concat(ENCODED);
const OFFSETS = ENCODED.map((_, n) => Buffer.concat(ENCODED.slice(0, n)).length);

describe('a segment', () => {
  it('gives its records back', () => {
    expect(parseRecords(SEGMENT)).toEqual({ records: RECORDS, damaged: [] });
    expect(parseRecords(Buffer.alloc(0))).toEqual({ records: [], damaged: [] });
  });

  it('that ends at any byte gives the whole records before it', () => {
    for (let end = 0; end < SEGMENT.length; end += 1) {
      const { records, damaged } = parseRecords(SEGMENT.subarray(0, end));
      const whole = OFFSETS.filter((_, n) => (OFFSETS[n + 1] ?? SEGMENT.length) <= end).length;
      expect(records).toEqual(RECORDS.slice(0, whole));
      const rest = end - (OFFSETS[whole] ?? 0);
      expect(damaged).toEqual(rest === 0 ? [] : [{ offset: OFFSETS[whole], sizeBytes: rest, isTail: true }]);
    }
  });

  it('with any one byte changed gives all other records, and the place of the damaged one', () => {
    for (let at = 0; at < SEGMENT.length; at += 1) {
      const bytes = Buffer.from(SEGMENT);
      bytes[at] = (bytes[at] as number) ^ 0x41;
      const hit = OFFSETS.findLastIndex((offset) => offset <= at);
      const { records, damaged } = parseRecords(bytes);
      expect(records).toEqual(RECORDS.filter((_, n) => n !== hit));
      const isTail = hit === RECORDS.length - 1;
      expect(damaged).toEqual([{ offset: OFFSETS[hit], sizeBytes: ENCODED[hit]?.length, isTail }]);
    }
  });

  it('with zeros at its end, as after a power cut, gives the records before them', () => {
    const { records, damaged } = parseRecords(Buffer.concat([SEGMENT, Buffer.alloc(4_096)]));
    expect(records).toEqual(RECORDS);
    expect(damaged).toEqual([{ offset: SEGMENT.length, sizeBytes: 4_096, isTail: true }]);
  });
});

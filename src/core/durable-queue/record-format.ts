import { crc32 } from 'node:zlib';

/** One entry of a durable queue. */
export interface QueueRecord {
  /** Names the sender, at most 65,535 bytes of UTF-8. Records of one key keep their order. */
  readonly key: string;
  /** Time of arrival, epoch milliseconds. */
  readonly atMs: number;
  readonly payload: Buffer;
}

/** Bytes of a segment that contain no whole record. */
export interface DamagedRange {
  /** From the start of the segment, bytes. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** The range reaches to the end of the segment: a write that a kill or a power cut has interrupted, or damage. */
  readonly isTail: boolean;
}

/**
 * A record: 4 bytes `SQR1`, 4 bytes length of the body, 8 bytes time of arrival (IEEE double, epoch milliseconds), 4 bytes
 * CRC-32 of the body, 4 bytes CRC-32 of the 20 bytes before; then the body: 2 bytes length of the key, key, payload. All
 * numbers are big-endian. The header has a checksum of its own, so that the length can be trusted and a damaged record does
 * not hide those after it.
 */
const MAGIC = Buffer.from('SQR1', 'latin1');
const HEADER_BYTES = 24;
const CHECKED_HEADER_BYTES = 20;

export function encodeRecord({ key, atMs, payload }: QueueRecord): Buffer {
  const keyBytes = Buffer.byteLength(key);
  const bodyBytes = 2 + keyBytes + payload.length;
  const record = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes);
  MAGIC.copy(record);
  record.writeUInt32BE(bodyBytes, 4);
  record.writeDoubleBE(atMs, 8);
  record.writeUInt16BE(keyBytes, HEADER_BYTES);
  record.write(key, HEADER_BYTES + 2);
  payload.copy(record, HEADER_BYTES + 2 + keyBytes);
  record.writeUInt32BE(crc32(record.subarray(HEADER_BYTES)), 16);
  record.writeUInt32BE(crc32(record.subarray(0, CHECKED_HEADER_BYTES)), CHECKED_HEADER_BYTES);
  return record;
}

/** Finds all whole records of a segment. The payloads share the memory of `segment`. */
export function parseRecords(segment: Buffer): {
  readonly records: readonly QueueRecord[];
  readonly damaged: readonly DamagedRange[];
} {
  const records: QueueRecord[] = [];
  const damaged: DamagedRange[] = [];
  for (let offset = 0; offset < segment.length;) {
    const record = recordAt(segment, offset);
    if (record) {
      records.push(record.record);
      offset = record.end;
    } else {
      const next = nextRecord(segment, offset + 1);
      damaged.push({ offset, sizeBytes: next - offset, isTail: next === segment.length });
      offset = next;
    }
  }
  return { records, damaged };
}

/** @returns the offset of the next whole record; the length of the segment without one */
function nextRecord(segment: Buffer, from: number): number {
  for (let at = segment.indexOf(MAGIC, from); at >= 0; at = segment.indexOf(MAGIC, at + 1))
    if (recordAt(segment, at)) return at;
  return segment.length;
}

function recordAt(segment: Buffer, offset: number): { record: QueueRecord; end: number } | null {
  const header = segment.subarray(offset, offset + HEADER_BYTES);
  if (header.length < HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  if (crc32(header.subarray(0, CHECKED_HEADER_BYTES)) !== header.readUInt32BE(CHECKED_HEADER_BYTES))
    return null;
  const end = offset + HEADER_BYTES + header.readUInt32BE(4);
  const body = segment.subarray(offset + HEADER_BYTES, end);
  if (end > segment.length || body.length < 2 || crc32(body) !== header.readUInt32BE(16)) return null;
  const keyEnd = 2 + body.readUInt16BE(0);
  if (keyEnd > body.length) return null;
  const record = {
    key: body.toString('utf8', 2, keyEnd),
    atMs: header.readDoubleBE(8),
    payload: body.subarray(keyEnd),
  };
  return { record, end };
}

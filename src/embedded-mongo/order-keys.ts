import type { Binary, ObjectId } from 'bson';
import { numberOf, TYPE, typeOf } from './bson-values.js';
import { badValue, CommandError } from './errors.js';

/** LMDB's longest key with 4 KiB pages, bytes. */
const MAX_KEY_BYTES = 1978;
const NO_BYTES = Buffer.alloc(0);

/**
 * One BSON value as bytes whose `memcmp` order is MongoDB's order of the values (manual: "Comparison/Sort Order"). No key
 * is a prefix of another one, so keys can be joined. A missing value and null have the same key.
 * @throws CommandError BadValue for a type that this server cannot order
 */
export function orderKey(value: unknown): Buffer {
  const type = typeOf(value);
  return Buffer.concat([Buffer.of(type), encodePayload(type, value)]);
}

function encodePayload(type: number, value: unknown): Uint8Array {
  switch (type) {
    case TYPE.number:
      return encodeDouble(numberOf(value));
    case TYPE.date:
      return encodeDouble((value as Date).getTime());
    case TYPE.string:
      return encodeString(value as string);
    case TYPE.binary:
      return encodeBinary(value as Binary);
    case TYPE.objectId:
      return (value as ObjectId).id;
    case TYPE.boolean:
      return Buffer.of(value === true ? 1 : 0);
    case TYPE.object:
    case TYPE.array:
      throw badValue(
        `the embedded database does not compare or index ${type === TYPE.array ? 'arrays' : 'objects'}`,
      );
    default:
      return NO_BYTES;
  }
}

function encodeDouble(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value === 0 ? 0 : value);
  if ((bytes[0] as number) & 0x80) return bytes.map((byte) => ~byte) as Buffer;
  bytes[0] = (bytes[0] as number) | 0x80;
  return bytes;
}

/** A zero byte becomes 00 FF, and 00 00 ends the string, so that a prefix sorts first. */
function encodeString(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  const escaped = bytes.includes(0)
    ? Buffer.from(bytes.toString('latin1').replaceAll('\0', '\0\xff'), 'latin1')
    : bytes;
  return Buffer.concat([escaped, Buffer.of(0, 0)]);
}

/** MongoDB orders binaries by length, then subtype, then bytes. */
function encodeBinary(value: Binary): Buffer {
  const bytes = value.value();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length);
  head[4] = value.sub_type;
  return Buffer.concat([head, bytes]);
}

/** @throws CommandError KeyTooLong, the code of MongoDB up to 4.0, which had a limit of 1,024 bytes */
export function joinKey(parts: readonly Uint8Array[]): Buffer {
  const key = Buffer.concat(parts);
  if (key.length > MAX_KEY_BYTES)
    throw new CommandError(17280, `index key of ${key.length} bytes is longer than ${MAX_KEY_BYTES}`);
  return key;
}

/** The exclusive end of the range of keys that begin with `prefix`. @param prefix not only FF bytes */
export function prefixEnd(prefix: Buffer): Buffer {
  const last = prefix.findLastIndex((byte) => byte !== 0xff);
  const end = Buffer.from(prefix.subarray(0, last + 1));
  end[last] = (end[last] as number) + 1;
  return end;
}

import type { Binary, ObjectId } from 'bson';
import { numberOf, TYPE, typeOf } from './bson-values.js';
import { badValue, CommandError } from './errors.js';

/** LMDB's longest key with 4 KiB pages, bytes. */
const MAX_KEY_BYTES = 1978;
const TYPE_BYTES = { string: Buffer.of(TYPE.string), objectId: Buffer.of(TYPE.objectId) };
const END_OF_STRING = Buffer.of(0, 0);

/**
 * One BSON value as bytes whose `memcmp` order is MongoDB's order of the values (manual: "Comparison/Sort Order"). No key
 * is a prefix of another one, so keys can be joined. A missing value and null have the same key.
 * @throws CommandError BadValue for a type that this server cannot order
 */
export function orderKey(value: unknown): Buffer {
  const type = typeOf(value);
  switch (type) {
    case TYPE.number:
      return doubleKey(type, numberOf(value));
    case TYPE.date:
      return doubleKey(type, (value as Date).getTime());
    case TYPE.string:
      return stringKey(value as string);
    case TYPE.binary:
      return binaryKey(value as Binary);
    case TYPE.objectId:
      return Buffer.concat([TYPE_BYTES.objectId, (value as ObjectId).id]);
    case TYPE.boolean:
      return Buffer.of(type, value === true ? 1 : 0);
    case TYPE.object:
    case TYPE.array:
      throw badValue(
        `the embedded database does not compare or index ${type === TYPE.array ? 'arrays' : 'objects'}`,
      );
    default:
      return Buffer.of(type);
  }
}

function doubleKey(type: number, value: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = type;
  key.writeDoubleBE(value === 0 ? 0 : value, 1);
  const isNegative = ((key[1] as number) & 0x80) !== 0;
  if (isNegative) for (let i = 1; i < 9; i++) key[i] = ~(key[i] as number);
  else key[1] = (key[1] as number) | 0x80;
  return key;
}

/** A zero byte becomes 00 FF, and 00 00 ends the string, so that a prefix sorts first. */
function stringKey(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  const escaped = bytes.includes(0)
    ? Buffer.from(bytes.toString('latin1').replaceAll('\0', '\0\xff'), 'latin1')
    : bytes;
  return Buffer.concat([TYPE_BYTES.string, escaped, END_OF_STRING]);
}

/** MongoDB orders binaries by length, then subtype, then bytes. */
function binaryKey({ buffer, position, sub_type }: Binary): Buffer {
  const key = Buffer.allocUnsafe(6 + position);
  key[0] = TYPE.binary;
  key.writeUInt32BE(position, 1);
  key[5] = sub_type;
  key.set(position === buffer.length ? buffer : buffer.subarray(0, position), 6);
  return key;
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

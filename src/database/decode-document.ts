import { mongo } from 'mongoose';

/** The document as a query without `raw` returns it. @throws BSONError when the bytes are not a document */
export function decodeDocument<T>(raw: Uint8Array): T {
  return mongo.BSON.deserialize(raw) as T;
}

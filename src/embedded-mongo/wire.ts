import { serialize, type Document } from 'bson';
import { decode } from './bson-values.js';

/** MongoDB's `maxMessageSizeBytes`. */
export const MAX_MESSAGE_BYTES = 48_000_000;
const HEADER_BYTES = 16;

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

const MORE_TO_COME = 2;
/** The receiver must support bits 0–15 of the flags (manual: "MongoDB Wire Protocol", OP_MSG). */
const REQUIRED_FLAGS = 0xffff;
const HEADER_OF_REPLY_BYTES = 20;
/** A document without fields: its length, and a zero byte. */
const EMPTY_BYTES = 5;

/** The bytes are not a message of this protocol; the connection must be closed. */
export class WireError extends Error {}

export interface Request {
  id: number;
  /** OP_QUERY: the first message of each driver and all messages of old ones. The reply is OP_REPLY. */
  isLegacy: boolean;
  database: string;
  body: Document;
  /** Arrays sent beside the body, as bytes, by the name of their field. */
  sequences: Map<string, Buffer[]>;
  wantsReply: boolean;
}

/** Documents that are copied into a reply as the store contains them. */
export class RawArray {
  constructor(readonly documents: readonly Buffer[]) {}
}

/**
 * @returns the length of the message at the start of `bytes`; null with fewer than 4 bytes
 * @throws WireError
 */
export function messageLength(bytes: Buffer): number | null {
  if (bytes.length < 4) return null;
  const length = bytes.readInt32LE();
  if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) throw new WireError(`message of ${length} bytes`);
  return length;
}

/** @throws WireError, BSONError or RangeError when the bytes are not a request */
export function decodeRequest(message: Buffer): Request {
  const id = message.readInt32LE(4);
  const opcode = message.readInt32LE(12);
  const content = message.subarray(HEADER_BYTES);
  if (opcode === OP_QUERY) return decodeQuery(id, content);
  if (opcode === OP_MSG) return decodeMsg(id, content);
  throw new WireError(`opcode ${opcode} is not supported`);
}

function decodeQuery(id: number, content: Buffer): Request {
  const end = content.indexOf(0, 4);
  if (end < 0) throw new WireError('unterminated collection name');
  const [database, ...collection] = content.toString('utf8', 4, end).split('.');
  if (collection.join('.') !== '$cmd') throw new WireError('OP_QUERY is supported for commands only');
  const body = decode(slice(content, end + 9));
  return { id, isLegacy: true, database: database ?? '', body, sequences: new Map(), wantsReply: true };
}

function decodeMsg(id: number, content: Buffer): Request {
  const flags = content.readUInt32LE();
  if (flags & REQUIRED_FLAGS & ~MORE_TO_COME) throw new WireError(`unknown flags ${flags}`);
  const sequences = new Map<string, Buffer[]>();
  let body: Document | undefined;
  for (let at = 4; at < content.length;) {
    const kind = content[at++];
    const section = slice(content, at);
    if (kind === 1) {
      const end = section.indexOf(0, 4);
      if (end < 0) throw new WireError('unterminated sequence name');
      sequences.set(section.toString('utf8', 4, end), splitDocuments(section.subarray(end + 1)));
    } else if (kind === 0 && !body) {
      body = decode(section);
    } else {
      throw new WireError(`section of kind ${kind}`);
    }
    at += section.length;
  }
  if (!body) throw new WireError('no body');
  const database = typeof body.$db === 'string' ? body.$db : '';
  return { id, isLegacy: false, database, body, sequences, wantsReply: (flags & MORE_TO_COME) === 0 };
}

/** Cuts out a document or a sequence; both begin with their length. */
function slice(bytes: Buffer, start: number): Buffer {
  const length = bytes.readInt32LE(start);
  if (length < 5 || start + length > bytes.length) throw new WireError(`section of ${length} bytes`);
  return bytes.subarray(start, start + length);
}

function splitDocuments(bytes: Buffer): Buffer[] {
  const documents: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const document = slice(bytes, at);
    documents.push(document);
    at += document.length;
  }
  return documents;
}

/** @returns the whole message, header included */
export function encodeReply(request: Request, replyId: number, reply: Document): Buffer {
  const head = Buffer.alloc(HEADER_BYTES + (request.isLegacy ? HEADER_OF_REPLY_BYTES : 5));
  const message = Buffer.concat([head, ...encodeDocument(reply)]);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(replyId, 4);
  message.writeInt32LE(request.id, 8);
  message.writeInt32LE(request.isLegacy ? OP_REPLY : OP_MSG, 12);
  if (request.isLegacy) message.writeInt32LE(1, HEADER_BYTES + 16);
  return message;
}

/** @param reply can have a `RawArray` as the first field of its first field, which is `cursor` */
function encodeDocument(reply: Document): Uint8Array[] {
  const [name, batch] = Object.entries((reply.cursor ?? {}) as Document)[0] ?? [];
  if (name === undefined || !(batch instanceof RawArray)) return [serialize(reply)];
  // Encoded with an empty array, which is replaced then: the bytes of the documents are copied only.
  const plain = Buffer.from(serialize({ ...reply, cursor: { ...(reply.cursor as Document), [name]: [] } }));
  const cursorAt = 5 + 'cursor\0'.length;
  const arrayAt = cursorAt + 5 + `${name}\0`.length;
  const array = encodeArray(batch.documents);
  const added = array.length - EMPTY_BYTES;
  plain.writeInt32LE(plain.readInt32LE(0) + added, 0);
  plain.writeInt32LE(plain.readInt32LE(cursorAt) + added, cursorAt);
  return [plain.subarray(0, arrayAt), array, plain.subarray(arrayAt + EMPTY_BYTES)];
}

/** A batch can have thousands of documents, so each is copied once. */
function encodeArray(documents: readonly Buffer[]): Buffer {
  const heads = documents.map((_raw, i) => `\x03${i}\0`);
  const length = documents.reduce(
    (sum, raw, i) => sum + (heads[i] as string).length + raw.length,
    EMPTY_BYTES,
  );
  const array = Buffer.allocUnsafe(length);
  let at = array.writeInt32LE(length);
  documents.forEach((raw, i) => {
    at += array.write(heads[i] as string, at, 'latin1');
    array.set(raw, at);
    at += raw.length;
  });
  array[at] = 0;
  return array;
}

import { describe, expect, it } from '@jest/globals';
import { deserialize, serialize, type Document } from 'bson';
import { decodeRequest, encodeReply, MAX_MESSAGE_BYTES, messageLength, RawArray, WireError } from './wire.js';

function message(opcode: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const head = Buffer.alloc(16);
  head.writeInt32LE(16 + content.length, 0);
  head.writeInt32LE(77, 4);
  head.writeInt32LE(opcode, 12);
  return Buffer.concat([head, content]);
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};

const sequence = (name: string, documents: Document[]): Buffer => {
  const content = Buffer.concat([Buffer.from(`${name}\0`), ...documents.map((one) => serialize(one))]);
  return Buffer.concat([Buffer.of(1), int32(content.length + 4), content]);
};

describe('messages', () => {
  it('OP_MSG: body, sequences as bytes, no reply with the flag moreToCome', () => {
    const documents = [{ _id: 1 }, { _id: 2 }];
    const request = decodeRequest(
      message(
        2013,
        int32(2),
        sequence('documents', documents),
        Buffer.of(0),
        serialize({ insert: 'x', $db: 'd' }),
      ),
    );
    expect(request).toMatchObject({ id: 77, database: 'd', wantsReply: false, isLegacy: false });
    expect(request.sequences.get('documents')?.map((raw) => deserialize(raw))).toEqual(documents);
    expect(request.body.insert).toBe('x');
  });

  it('OP_MSG with an unknown required flag', () =>
    expect(() => decodeRequest(message(2013, int32(1), Buffer.of(0), serialize({ ping: 1 })))).toThrow(
      WireError,
    ));

  it('OP_QUERY, answered by OP_REPLY', () => {
    const request = decodeRequest(
      message(2004, int32(0), Buffer.from('admin.$cmd\0'), int32(0), int32(-1), serialize({ isMaster: 1 })),
    );
    expect(request).toMatchObject({ database: 'admin', isLegacy: true });
    const reply = encodeReply(request, 5, { ok: 1 });
    expect([reply.readInt32LE(0), reply.readInt32LE(8), reply.readInt32LE(12)]).toEqual([
      reply.length,
      77,
      1,
    ]);
    expect(deserialize(reply.subarray(36))).toEqual({ ok: 1 });
  });

  it('a reply contains stored bytes unchanged', () => {
    const request = decodeRequest(message(2013, int32(0), Buffer.of(0), serialize({ ping: 1, $db: 'd' })));
    const raws = [{ _id: 1 }, { _id: 2, a: 'x' }].map((one) => Buffer.from(serialize(one)));
    const reply = encodeReply(request, 1, {
      cursor: { firstBatch: new RawArray(raws), id: 0, ns: 'd.c' },
      ok: 1,
    });
    expect(deserialize(reply.subarray(21))).toEqual({
      cursor: { firstBatch: [{ _id: 1 }, { _id: 2, a: 'x' }], id: 0, ns: 'd.c' },
      ok: 1,
    });
  });

  it.each([0, 15, -1, MAX_MESSAGE_BYTES + 1])('a length of %i is not a message', (length) =>
    expect(() => messageLength(int32(length))).toThrow(WireError),
  );

  it('waits for all bytes of the length', () => expect(messageLength(Buffer.of(1, 2))).toBeNull());
});

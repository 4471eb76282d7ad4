import { describe, expect, it } from '@jest/globals';
import * as standardParser from 'socket.io-parser';
import { EncodedJson, JsonEncoder } from './json-encoder.js';

const { PacketType } = standardParser;
const encoder = new JsonEncoder();
const standard = new standardParser.Encoder();

describe('a packet', () => {
  it.each<standardParser.Packet>([
    { type: PacketType.CONNECT, nsp: '/live', data: { sid: 'x' } },
    { type: PacketType.CONNECT_ERROR, nsp: '/live', data: { message: 'no' } },
    { type: PacketType.DISCONNECT, nsp: '/', data: undefined },
    { type: PacketType.EVENT, nsp: '/', data: ['data', 'ü"\u2028'] },
    { type: PacketType.EVENT, nsp: '/devices', data: ['drain', { reconnectWithinMs: 5 }] },
    { type: PacketType.ACK, nsp: '/live', id: 0, data: [undefined] },
    { type: PacketType.ACK, nsp: '/', id: 12, data: [] },
  ])('%j is encoded as by the standard encoder', (packet) => {
    expect(encoder.encode({ ...packet })).toEqual(standard.encode({ ...packet }));
  });

  it('can have a payload that is JSON already', () => {
    const value = { items: ['ü', 1, null] };
    const packet = { type: PacketType.ACK, nsp: '/live', id: 3 };
    const given = new EncodedJson(JSON.stringify(value));
    expect(encoder.encode({ ...packet, data: [given, 'more'] })).toEqual(
      standard.encode({ ...packet, data: [value, 'more'] }),
    );
  });
});

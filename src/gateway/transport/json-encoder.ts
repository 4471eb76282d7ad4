import * as standardParser from 'socket.io-parser';

const { PacketType } = standardParser;

/** A payload that is JSON already, so that it is encoded once for many receivers. */
export class EncodedJson {
  constructor(readonly json: string) {}
}

/**
 * Encodes packets as text. The service sends no binary data: the standard encoder would search every value of a payload
 * for some.
 */
export class JsonEncoder extends standardParser.Encoder {
  override encode(packet: standardParser.Packet): string[] {
    const { type, nsp, id } = packet;
    if (type !== PacketType.EVENT && type !== PacketType.ACK) return super.encode(packet) as string[];
    const namespace = nsp === '/' ? '' : `${nsp},`;
    return [`${type}${namespace}${id ?? ''}${jsonOf(packet.data as readonly unknown[])}`];
  }
}

function jsonOf(values: readonly unknown[]): string {
  if (!values.some((value) => value instanceof EncodedJson)) return JSON.stringify(values);
  const texts = values.map((value) => (value instanceof EncodedJson ? value.json : JSON.stringify(value)));
  return `[${texts.join(',')}]`;
}

import * as standardParser from 'socket.io-parser';
import { JsonEncoder } from './json-encoder.js';

/** An event whose payload is not JSON. A symbol, because a client can send any name. Argument: size in bytes. */
export const UNREADABLE_EVENT = Symbol('unreadable event');

/** Namespace and id of the acknowledgement; the payload follows. https://github.com/socketio/socket.io-protocol */
const EVENT_HEAD = /^2(\/[^,]*,)?(\d{1,15})?(?=\[)/;

/**
 * Decodes an event that is not JSON, such as one with NaN, as `UNREADABLE_EVENT`, so that it can be answered. The
 * standard decoder throws, Socket.IO closes the connection, and a device sends the same event after each reconnect.
 */
class AnsweringDecoder extends standardParser.Decoder {
  override add(data: unknown): void {
    try {
      super.add(data);
    } catch (error) {
      const event = unreadableEvent(data);
      if (!event) throw error;
      this.emitReserved('decoded', event);
    }
  }
}

function unreadableEvent(data: unknown): standardParser.Packet | null {
  if (typeof data !== 'string') return null;
  const head = EVENT_HEAD.exec(data);
  if (!head || isJson(data.slice(head[0].length))) return null;
  const [, namespace, id] = head;
  return {
    type: standardParser.PacketType.EVENT,
    nsp: namespace?.slice(0, -1) ?? '/',
    data: [UNREADABLE_EVENT, Buffer.byteLength(data)],
    ...(id !== undefined && { id: Number(id) }),
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Option `parser` of the Socket.IO server. */
export const ANSWERING_PARSER = {
  ...standardParser,
  Encoder: JsonEncoder,
  Decoder: AnsweringDecoder,
};

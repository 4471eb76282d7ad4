import { PacketType } from 'socket.io-parser';
import { EncodedJson, JsonEncoder } from '../transport/json-encoder.js';
import type { LiveFrameItem, LiveMessage } from './live-event.js';

/** A message as Socket.IO text, and the same as a WebSocket frame: an option of `send` of an Engine.IO connection. */
export interface SocketMessage {
  readonly text: string;
  readonly options: { readonly wsPreEncodedFrame: readonly Buffer[] };
}

const NAMESPACE = '/live';
/** Engine.IO protocol: a packet of type `message`. */
const MESSAGE = '4';
/** RFC 6455: the last frame of a message, text. */
const FINAL_TEXT = 0x81;

const encoder = new JsonEncoder();
const encoded = new WeakMap<LiveMessage, SocketMessage>();

/** Encodes a message once for all its receivers. */
export function socketMessageOf(message: LiveMessage): SocketMessage {
  const known = encoded.get(message);
  if (known) return known;
  const [event, notice] = message;
  const payload = event === 'positions' ? new EncodedJson(frameJson(notice)) : notice;
  const [text = ''] = encoder.encode({ type: PacketType.EVENT, nsp: NAMESPACE, data: [event, payload] });
  const made = { text, options: { wsPreEncodedFrame: [webSocketFrame(MESSAGE + text)] } };
  encoded.set(message, made);
  return made;
}

function frameJson({ cursor, items }: { cursor: string; items: readonly LiveFrameItem[] }): string {
  return `{"cursor":"${cursor}","items":[${items.map(({ json }) => json).join(',')}]}`;
}

/** One buffer, so that each socket writes it with one system call. */
function webSocketFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = FINAL_TEXT;
  if (start === 2) frame[1] = length;
  else if (start === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, start);
  return frame;
}

import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';

/**
 * The parts of Engine.IO 6 and ws 8 that the limits of `GuardedTransport` need. Neither library limits a message before
 * authentication, counts the packets of a payload, or counts what an unfinished message holds, so some of these parts are
 * private there. `test/integration/socket-limits.spec.ts` fails when one of them changes.
 */
export interface EngineConnection {
  readonly id: string;
  readonly readyState: string;
  readonly request: IncomingMessage;
  readonly transport: EngineTransport;
  /** Packets that wait until the transport has sent the ones before. */
  readonly writeBuffer: readonly EnginePacket[];
  on(event: 'packet' | 'packetCreate', listener: (packet: EnginePacket) => void): unknown;
  on(event: 'upgrading', listener: (transport: EngineTransport) => void): unknown;
  on(event: 'upgrade' | 'close', listener: () => void): unknown;
  close(discard?: boolean): void;
}

export interface EnginePacket {
  readonly type: string;
  readonly data?: unknown;
}

export interface EngineTransport {
  readonly name: string;
  /** Only of polling: the limit of a body. */
  maxHttpBufferSize?: number;
  /** Only of polling: decodes a body. */
  onData: (payload: string) => void;
  /** Only of a WebSocket. */
  readonly socket?: WebSocket;
  on(event: 'drain', listener: () => void): unknown;
  close(): void;
}

export interface WebSocket {
  readonly _receiver: WebSocketReceiver;
  readonly _socket: TcpSocket;
  on(event: 'ping' | 'pong', listener: () => void): unknown;
  /** Stops reading from the client. */
  pause(): void;
  resume(): void;
  /** Destroys the TCP connection; `close()` would wait for the client and go on reading. */
  terminate(): void;
}

interface WebSocketReceiver {
  _maxPayload: number;
  /** Chunks of a frame that is not complete. */
  readonly _bufferedBytes: number;
  readonly _buffers: readonly unknown[];
  /** Complete frames of a message that is not complete. */
  readonly _messageLength: number;
  readonly _fragments: readonly unknown[];
}

/** Memory of a small buffer beside its bytes. A client chooses how small the pieces of its message are. */
const BUFFER_OVERHEAD_BYTES = 256;

/** Memory of the message that is received and not complete yet. */
export function unfinishedBytes({ _receiver: receiver }: WebSocket): number {
  const { _buffers: chunks, _fragments: fragments } = receiver;
  if (chunks.length === 0 && fragments.length === 0) return 0;
  const overheadBytes = (chunks.length + fragments.length) * BUFFER_OVERHEAD_BYTES;
  return receiver._bufferedBytes + (fragments.length > 0 ? receiver._messageLength : 0) + overheadBytes;
}

/** Limits the size of one WebSocket message or one polling body. */
export function limitMessages(transport: EngineTransport, maxBytes: number): void {
  if (transport.socket) transport.socket._receiver._maxPayload = maxBytes;
  else transport.maxHttpBufferSize = maxBytes;
}

/** Closes a connection at once, without waiting for the client and without sending what waits. */
export function terminate(connection: EngineConnection): void {
  const { socket } = connection.transport;
  connection.close(true);
  socket?.terminate();
}

import { Logger } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Namespace, Server, Socket } from 'socket.io';
import { KeyedTokenBuckets } from '../../core/index.js';
import type { SocketErrorAnswer } from '../socket-events.js';
import { UNREADABLE_EVENT } from './answering-parser.js';
import { principalFields } from './socket-log.js';
import type { SocketMetrics, UnusableReason } from './socket-metrics.js';

const NOT_JSON: SocketErrorAnswer = {
  error: {
    code: 'input/not-json',
    message: 'The event is not JSON: NaN and Infinity are no JSON numbers. Leave such a field out.',
  },
};
const LINES_PER_S = 1 / 60;

/**
 * Counts and logs the messages that a device sends again and again without success: an event that is not JSON, and a
 * message over the size limit. Answers the first kind when the device waits for an acknowledgement, otherwise closes the
 * connection. The second kind has no answer: a WebSocket is closed with 1009 (message too big), a poll gets 413.
 */
export class UnusableMessages {
  private readonly logger = new Logger('Sockets');
  /** One log line for each vehicle or user a minute. */
  private readonly lines = new KeyedTokenBuckets(1, LINES_PER_S);

  constructor(
    private readonly io: Server,
    private readonly metrics: SocketMetrics,
  ) {
    // The default namespace exists already.
    this.observe(io.sockets);
    io.on('new_namespace', (namespace) => this.observe(namespace));
    io.engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
      if (request.method === 'POST') response.once('finish', () => this.onPollAnswered(request, response));
      next();
    });
  }

  private observe(namespace: Namespace): void {
    namespace.on('connection', (socket) => {
      // The type of Socket.IO has no symbols; Node's emitter has them.
      socket.on(UNREADABLE_EVENT as never, (sizeBytes: number, acknowledge?: unknown) => {
        this.note(socket, 'not_json', sizeBytes);
        if (typeof acknowledge === 'function') (acknowledge as (answer: SocketErrorAnswer) => void)(NOT_JSON);
        else socket.conn.close();
      });
      socket.once('disconnect', (_reason, description) => {
        if (isTooBig(description)) this.note(socket, 'too_large', receivedBytes(socket));
      });
    });
  }

  private onPollAnswered({ url = '', headers }: IncomingMessage, { statusCode }: ServerResponse): void {
    if (statusCode !== 413) return;
    const id = new URLSearchParams(url.slice(url.indexOf('?'))).get('sid');
    for (const { sockets } of this.io._nsps.values())
      for (const socket of sockets.values())
        if (idOf(socket.conn) === id) this.note(socket, 'too_large', Number(headers['content-length']));
  }

  private note(socket: Socket, reason: UnusableReason, sizeBytes: number | undefined): void {
    this.metrics.messageUnusable(reason);
    const principal = principalFields(socket);
    const key = Object.values(principal)[0] ?? socket.conn.remoteAddress;
    if (this.lines.take(key, performance.now()) > 0) return;
    const fields = { namespace: socket.nsp.name, ...principal, address: socket.conn.remoteAddress };
    this.logger.warn({ ...fields, reason, sizeBytes }, 'unusable message');
  }
}

/** `sid` in the queries of the transport; private in the types only. */
function idOf(conn: Socket['conn']): string {
  return (conn as unknown as { readonly id: string }).id;
}

/** The error of `ws` for a message over `maxHttpBufferSize`. */
function isTooBig(description: unknown): boolean {
  return description instanceof Error && description.message.includes('Max payload size exceeded');
}

/** Bytes that the frames of the message announce. `ws` has no public field for it. */
function receivedBytes({ conn }: Socket): number | undefined {
  const { socket } = conn.transport as unknown as {
    socket?: { _receiver?: { _totalPayloadLength?: number } };
  };
  return socket?._receiver?._totalPayloadLength;
}

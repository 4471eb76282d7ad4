import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Namespace, Server, Socket } from 'socket.io';
import type { SocketErrorAnswer } from '../socket-events.js';
import { UNREADABLE_EVENT } from './answering-parser.js';

const NOT_JSON: SocketErrorAnswer = {
  error: {
    code: 'input/not-json',
    message: 'The event is not JSON: NaN and Infinity are no JSON numbers. Leave such a field out.',
  },
};

type Report = (socket: Socket, reason: 'not_json' | 'too_large', sizeBytes: number | undefined) => void;

/**
 * Reports the messages that a device sends again and again without success: an event that is not JSON, and a message over
 * the size limit. Answers the first kind when the device waits for an acknowledgement, otherwise closes the connection.
 * The second kind has no answer: a WebSocket is closed with 1009 (message too big), a poll gets 413.
 */
export function reportUnusableMessages(io: Server, report: Report): void {
  const observe = (namespace: Namespace): void => {
    namespace.on('connection', (socket) => {
      // The type of Socket.IO has no symbols; Node's emitter has them.
      socket.on(UNREADABLE_EVENT as never, (sizeBytes: number, acknowledge?: unknown) => {
        report(socket, 'not_json', sizeBytes);
        if (typeof acknowledge === 'function') (acknowledge as (answer: SocketErrorAnswer) => void)(NOT_JSON);
        else socket.conn.close();
      });
      socket.once('disconnect', (_reason, description) => {
        if (isTooBig(description)) report(socket, 'too_large', receivedBytes(socket));
      });
    });
  };
  // The default namespace exists already.
  observe(io.sockets);
  io.on('new_namespace', observe);
  io.engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    if (request.method === 'POST')
      response.once('finish', () => {
        if (response.statusCode !== 413) return;
        const socket = socketOfPoll(io, request);
        if (socket) report(socket, 'too_large', Number(request.headers['content-length']));
      });
    next();
  });
}

function socketOfPoll(io: Server, { url = '' }: IncomingMessage): Socket | undefined {
  const id = new URLSearchParams(url.slice(url.indexOf('?'))).get('sid');
  for (const { sockets } of io._nsps.values())
    for (const socket of sockets.values()) if (idOf(socket.conn) === id) return socket;
  return undefined;
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

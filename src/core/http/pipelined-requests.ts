import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { BytesHold } from '../limits/in-flight-bytes.js';

/** Memory of a request that waits: its objects and headers. */
const WAITING_REQUEST_BYTES = 8_192;
/** Parts of Node's HTTP server that are not documented: the response under way, and the parser's handler of a request. */
type HttpSocket = Socket & {
  readonly _httpMessage: ServerResponse;
  readonly parser?: { onIncoming: () => number } | null;
};
/** The parser's handler returns it for an upgrade: what follows is not HTTP. */
const END_OF_HTTP = 2;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The requests of one connection that wait for the answers before theirs. */
interface Queue {
  readonly waiting: Exchange[];
  readonly hold: BytesHold;
}

/**
 * Handles the pipelined requests of a connection one after the other. Node passes on all requests of a received chunk at
 * once and keeps their answers: a client that reads nothing makes it build hundreds of them. Here a request waits until the
 * answer before it is sent, and nothing more is read from the connection meanwhile. A connection whose waiting requests are
 * over the bound on bytes in flight is closed.
 *
 * Call it when all handlers of the server are attached.
 */
export function serveOneAtATime(
  server: Server,
  openHold: (request: IncomingMessage, cut: () => void) => BytesHold,
): void {
  const handlers = server.listeners('request') as ((
    ...exchange: [IncomingMessage, ServerResponse]
  ) => void)[];
  const queues = new WeakMap<Socket, Queue>();

  const serve = ({ request, response }: Exchange): void => {
    for (const handler of handlers) handler.call(server, request, response);
  };

  const queueOf = (request: IncomingMessage): Queue => {
    const { socket } = request;
    const known = queues.get(socket);
    if (known) return known;
    const queue: Queue = { waiting: [], hold: openHold(request, () => socket.destroy()) };
    queues.set(socket, queue);
    socket.once('close', () => {
      queue.waiting.length = 0;
      queue.hold.release();
    });
    return queue;
  };

  const serveNext = (socket: Socket, { waiting, hold }: Queue): void => {
    const next = waiting.shift();
    // Without a connection its answer can never be sent: the one before it was the last.
    if (!next?.response.socket) return;
    if (waiting.length > 0) next.response.once('close', () => serveNext(socket, { waiting, hold }));
    else {
      hold.release();
      socket.resume();
    }
    serve(next);
  };

  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    // Node gives a response its connection when the response before it is sent.
    if (response.socket) return serve({ request, response });
    const socket = request.socket as HttpSocket;
    const queue = queueOf(request);
    if (socket.destroyed || !queue.hold.add(WAITING_REQUEST_BYTES)) {
      // Otherwise Node makes objects for the rest of the chunk, which holds up to 2,600 requests, before it closes.
      if (socket.parser) socket.parser.onIncoming = () => END_OF_HTTP;
      socket.destroy();
      return;
    }
    if (queue.waiting.length === 0) {
      socket._httpMessage.once('close', () => serveNext(socket, queue));
      socket.pause();
    }
    queue.waiting.push({ request, response });
  });
}

import { once } from 'node:events';
import type { IncomingMessage, Server as HttpServer, ServerOptions } from 'node:http';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { serializeResponse, rawErrorResponse } from './raw-response.js';

const HEADERS_TIMEOUT_MS = 15_000;
/** None for the whole request: `StalledBodies` limits the pace of the body instead. */
const REQUEST_TIMEOUT_MS = 0;
/**
 * Longer than reverse proxies keep an idle connection (nginx and most others: 60 s). The side with the shorter time closes
 * the connection; when that is the service, a request can be on its way, and the proxy answers it with 502.
 */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/** Node's default is 30 s: a slow sender would keep its connection that much longer. */
const CHECK_INTERVAL_MS = 1_000;

/** Options of both ports: a client that does not complete the headers of its request in time is disconnected. */
export const HTTP_SERVER_OPTIONS: ServerOptions = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  connectionsCheckingInterval: CHECK_INTERVAL_MS,
};

/**
 * Length of the queue of connections that wait for `accept`; the system limits it further (`net.core.somaxconn`). With
 * Node's default of 511 the kernel drops connections when a whole fleet reconnects, and those clients try again only
 * after 1, 3, 7 and 15 s.
 */
const BACKLOG = 8_192;

/**
 * Resolves when the server accepts connections.
 * @throws the error of the system (EADDRINUSE, EACCES, EADDRNOTAVAIL) with `code` and `port`
 */
export async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen({ port, host, backlog: BACKLOG });
  await once(server, 'listening');
}

/**
 * Turns absolute targets into paths: `GET http://host/path` is the form for proxies, and a server must accept it too
 * (RFC 9112, 3.2.2). Some HTTP libraries always send it.
 */
export function acceptAbsoluteTargets(server: HttpServer): void {
  server.prependListener('request', (request: IncomingMessage) => {
    const { url = '/' } = request;
    if (!url.startsWith('/')) request.url = url.replace(/^https?:\/\/[^/?#]*\/?/i, '/');
  });
}

/** HTTP status by Node's error code, for input that is not a valid request. */
const STATUS_BY_NODE_CODE: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};
const DETAIL_BY_STATUS: Readonly<Record<number, string>> = {
  400: 'That is not an HTTP/1.1 request.',
  408: 'The request was not finished in time.',
  413: 'The chunk extensions are too large.',
  431: 'The request line and headers are over 16 kB.',
};

/** Answers input that is not a valid request with a problem that has a code, like every other error. */
export function answerMalformedRequests(server: HttpServer): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // An earlier request of this connection may have an answer in progress: a second answer would corrupt it.
    const answering = (socket as { _httpMessage?: { headersSent: boolean } | null })._httpMessage;
    if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent) {
      socket.destroy();
      return;
    }
    const status = STATUS_BY_NODE_CODE[error.code ?? ''] ?? 400;
    socket.end(serializedError(status, DETAIL_BY_STATUS[status] ?? ''), () => socket.destroy());
  });
  server.on('checkExpectation', (_request, response) => {
    // Written to the socket directly: the connection ends with this answer.
    response.socket?.end(serializedError(417, 'Only 100-continue can be expected.'));
  });
}

function serializedError(status: number, detail: string): string {
  return serializeResponse(rawErrorResponse(Object.assign(new Error(detail), { status })));
}

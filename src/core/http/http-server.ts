import type { Server, ServerOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import { serializeResponse, rawErrorResponse } from './raw-response.js';

/** For one connection; a phone on a bad line sends its headers in less, and 2 MB at 20 kB/s within the second. */
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 120_000;
/** Node looks every 30 s by itself: until then a slow sender would hold its connection. */
const CHECK_INTERVAL_MS = 1_000;

/** Of both ports: whoever does not finish what it began is let go. */
export const HTTP_SERVER_OPTIONS: ServerOptions = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: CHECK_INTERVAL_MS,
};

/** Node's own codes for what it gives up on before there is a request. */
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

/** What never becomes a request is answered like every other error: as a problem with a code. */
export function answerMalformedRequests(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // An answer that has begun (to an earlier request of this connection) must not get another in its middle.
    const answering = (socket as { _httpMessage?: { headersSent: boolean } | null })._httpMessage;
    if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent) {
      socket.destroy();
      return;
    }
    const status = STATUS_BY_NODE_CODE[error.code ?? ''] ?? 400;
    socket.end(serializedError(status, DETAIL_BY_STATUS[status] ?? ''), () => socket.destroy());
  });
  server.on('checkExpectation', (_request, response) => {
    // Past the server's own writing: this answer needs nothing of it, and the connection ends with it.
    response.socket?.end(serializedError(417, 'Only 100-continue can be expected.'));
  });
}

function serializedError(status: number, detail: string): string {
  return serializeResponse(rawErrorResponse(Object.assign(new Error(detail), { status })));
}

import { connect } from 'node:net';
import { WAIT_LIMIT_MS } from './sockets.js';

/** The received bytes of an answer, parsed as far as possible. */
export interface RawAnswer {
  /** Null without a valid status line. */
  readonly status: number | null;
  readonly head: string;
  // Tests read the fields that they assert.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
  /** The server closed the connection. */
  readonly isClosed: boolean;
  /** Number of received status lines: one for each answer. */
  readonly answers: number;
}

export type Bytes = string | Buffer;

/**
 * Sends bytes that no HTTP library sends, and reads until the server closes the connection.
 * @param timeoutMs the client closes the connection after it; short only when the server must keep the connection open
 */
export function exchange(
  port: number,
  pieces: readonly Bytes[],
  timeoutMs = WAIT_LIMIT_MS,
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1');
    const finish = (isClosed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(toAnswer(Buffer.concat(chunks), isClosed));
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    socket.on('data', (chunk) => chunks.push(chunk));
    // The server may reset the connection before everything is sent. The answer until then counts.
    socket.on('error', () => undefined);
    socket.on('close', () => finish(true));
    socket.on('connect', () => {
      for (const piece of pieces)
        socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    });
  });
}

export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Bytes;
}

/** One request with a correct Content-Length and `Connection: close`. */
export function requestBytes(request: RawRequest): Bytes[] {
  const { method = 'GET', path = '/', token, headers = {}, body } = request;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const all: Record<string, string> = {
    Host: '127.0.0.1',
    Connection: 'close',
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    ...(bytes && { 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return [`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, ...(bytes ? [bytes] : [])];
}

function toAnswer(bytes: Buffer, isClosed: boolean): RawAnswer {
  const text = bytes.toString('utf8');
  const [head = ''] = text.split('\r\n\r\n', 1);
  const body = text.slice(head.length + 4);
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
  return {
    status: status === undefined ? null : Number(status),
    head,
    body: /content-type:[^\r]*json/i.test(head) ? parse(body) : body,
    isClosed,
    answers: text.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

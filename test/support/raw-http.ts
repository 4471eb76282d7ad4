import { connect } from 'node:net';
import { WAIT_LIMIT_MS } from './sockets.js';

/** What came back, as it was on the wire. */
export interface RawAnswer {
  /** Null when nothing that looks like an answer came. */
  readonly status: number | null;
  readonly head: string;
  // What a test reads of it is what it asserts.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
  /** The other side ended the connection. */
  readonly isClosed: boolean;
  /** Status lines seen: one for each answer. */
  readonly answers: number;
}

export type Bytes = string | Buffer;

/**
 * Sends bytes that no HTTP library would, and reads until the other side closes the connection.
 * @param timeoutMs the test closes the connection after it; short only for a connection that is to stay open
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
    // A connection that is reset before all was sent: what was answered until then counts.
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

/** One request with a right Content-Length, after which the connection is to be closed. */
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

import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { withTimeout } from '../../core/index.js';

/** To connect. On one machine it takes under a millisecond. */
const CONNECT_LIMIT_MS = 1_000;
/** Of an answer that is read. The old server's largest has 30 bytes. */
const MAX_ANSWER_BYTES = 65_536;

/** Marks a request that Samserver passes on, so that one which comes back is refused. */
export const HOP_HEADER = 'x-samserver-hop';

export interface OldAnswer {
  readonly status: number;
  readonly contentType: string | null;
  readonly body: Buffer;
}

export type SendResult =
  | { readonly kind: 'answered'; readonly answer: OldAnswer }
  /** No byte was sent. */
  | { readonly kind: 'not-sent'; readonly error: unknown }
  /** It is not known whether the old server has taken the request. */
  | { readonly kind: 'broken'; readonly error: unknown };

interface Outgoing {
  readonly path: string;
  readonly contentType: string | null;
  readonly body: Buffer;
  /** For the whole request after the connection, milliseconds. */
  readonly limitMs: number;
  /** Called with a connection and before the first byte. After an error of it nothing is sent. */
  readonly beforeSending: () => Promise<void>;
}

/** Sends requests to the old server, each on a new connection, as the boxes do. */
export class OldServerClient {
  private readonly url: URL;

  /** @param url `http://` address of the old server */
  constructor(url: string) {
    this.url = new URL(url);
  }

  /** Never rejects. */
  async post({ path, contentType, body, limitMs, beforeSending }: Outgoing): Promise<SendResult> {
    let socket: Socket;
    try {
      socket = await this.connect();
    } catch (error) {
      return { kind: 'not-sent', error };
    }
    try {
      await beforeSending();
    } catch (error) {
      socket.destroy();
      return { kind: 'not-sent', error };
    }
    try {
      const headers = {
        'content-length': body.length,
        ...(contentType !== null && { 'content-type': contentType }),
      };
      const answer = await withTimeout(this.exchange(socket, 'POST', path, headers, body), limitMs, tooSlow);
      return { kind: 'answered', answer };
    } catch (error) {
      return { kind: 'broken', error };
    } finally {
      socket.destroy();
    }
  }

  /** Whether the old server answers `GET /`. Never rejects. */
  async isUp(): Promise<boolean> {
    let socket: Socket | null = null;
    try {
      socket = await this.connect();
      return (
        (await withTimeout(this.exchange(socket, 'GET', '/', {}, null), CONNECT_LIMIT_MS, tooSlow)).status ===
        200
      );
    } catch {
      return false;
    } finally {
      socket?.destroy();
    }
  }

  private async connect(): Promise<Socket> {
    const { hostname, port } = this.url;
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 80),
      noDelay: true,
    });
    // Also later: an error without a listener would end the process.
    socket.on('error', () => undefined);
    try {
      await withTimeout(
        new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject)),
        CONNECT_LIMIT_MS,
        tooSlow,
      );
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  private exchange(
    socket: Socket,
    method: string,
    path: string,
    headers: Readonly<Record<string, string | number>>,
    body: Buffer | null,
  ): Promise<OldAnswer> {
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        createConnection: () => socket,
        method,
        path: `${this.url.pathname.replace(/\/$/, '')}${path}`,
        headers: { host: this.url.host, [HOP_HEADER]: '1', connection: 'close', ...headers },
      });
      request.on('error', reject);
      request.on('response', (response) => void readAnswer(response).then(resolve, reject));
      request.end(body ?? undefined);
    });
  }
}

/** @throws when the answer is cut or too long */
async function readAnswer(response: IncomingMessage): Promise<OldAnswer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw new Error('the answer of the old server is too long');
    chunks.push(chunk);
  }
  const contentType = response.headers['content-type'] ?? null;
  return { status: response.statusCode ?? 0, contentType, body: Buffer.concat(chunks) };
}

const tooSlow = (): Error => new Error('the old server does not answer in time');

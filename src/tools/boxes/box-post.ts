import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BOX_ROUTES, BOX_TIME_LIMITS, type BoxRequest } from './box-requests.js';

/** More of an answer is discarded. */
const MAX_ANSWER_BYTES = 65_536;

/**
 * The result of one post:
 * - `answered`: with this status; a redirect is an answer like any other and is not followed
 * - `timeout`: the box has given up; the server can have taken the post
 * - `not-sent`: no connection, so no byte was sent
 * - `broken`: the connection ended before the answer; the server can have taken the post
 */
export type BoxAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'timeout' | 'not-sent' | 'broken'; readonly reason: string };

/**
 * Posts as a box does: over a new connection, once, with the time limits of its program.
 * @param url scheme, host and port
 * @param signal closes the connection: `broken`
 */
export function postAsBox(url: string, post: BoxRequest, signal?: AbortSignal): Promise<BoxAnswer> {
  const { connectMs, answerMs } = BOX_TIME_LIMITS[post.kind];
  return new Promise((resolve) => {
    let isConnected = false;
    let end: BoxAnswer | null = null;
    const target = new URL(BOX_ROUTES[post.kind], url);
    const options = {
      method: 'POST',
      agent: false as const,
      headers: post.headers,
      ...(signal && { signal }),
    };
    const request =
      target.protocol === 'https:' ? httpsRequest(target, options) : httpRequest(target, options);
    let timer = setTimeout(() => giveUp('connect', connectMs), connectMs);

    const finish = (answer: BoxAnswer): void => {
      if (end) return;
      end = answer;
      clearTimeout(timer);
      request.destroy();
      resolve(answer);
    };
    const giveUp = (what: string, limitMs: number): void =>
      finish({ kind: 'timeout', reason: `${what}: nothing within ${limitMs} ms` });

    request.on('socket', (socket) =>
      socket.once('connect', () => {
        isConnected = true;
        clearTimeout(timer);
        if (!end) timer = setTimeout(() => giveUp('answer', answerMs), answerMs);
      }),
    );
    request.on('error', (error: NodeJS.ErrnoException) =>
      finish({ kind: isConnected ? 'broken' : 'not-sent', reason: error.code ?? error.message }),
    );
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
      });
      response.on('error', (error: NodeJS.ErrnoException) =>
        finish({ kind: 'broken', reason: error.code ?? error.message }),
      );
      response.on('end', () =>
        finish({
          kind: 'answered',
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    request.end(post.body);
  });
}

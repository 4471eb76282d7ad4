import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WholeAnswer, wholeAnswer } from './whole-answer.js';

/**
 * What the proxy does with a post: `swallow` answers 200 itself, `double` forwards it twice, `hang` never answers, `refuse`
 * answers 503, `cut` forwards it and closes the connection.
 */
export type Fault = 'swallow' | 'double' | 'hang' | 'refuse' | 'cut';

export interface FaultyProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** @param faults path → number of the post to it, from 0 → its fault */
export async function faultyProxy(
  target: string,
  faults: Readonly<Record<string, Readonly<Record<number, Fault>>>>,
): Promise<FaultyProxy> {
  const counts = new Map<string, number>();
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const path = incoming.url ?? '/';
      const n = counts.get(path) ?? 0;
      counts.set(path, n + 1);
      const send = (): Promise<WholeAnswer> => forward(target, path, incoming.headers, Buffer.concat(chunks));
      void handle(faults[path]?.[n], send).then((result) => {
        if (result === 'hang') return;
        if (result === 'cut') return void incoming.socket.destroy();
        answer.writeHead(result.status, result.headers).end(result.body);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function handle(
  fault: Fault | undefined,
  send: () => Promise<WholeAnswer>,
): Promise<WholeAnswer | 'hang' | 'cut'> {
  switch (fault) {
    case 'hang':
      return 'hang';
    case 'swallow':
      return { status: 200, headers: {}, body: Buffer.alloc(0) };
    case 'refuse':
      return { status: 503, headers: {}, body: Buffer.alloc(0) };
    case 'cut':
      await send();
      return 'cut';
    case 'double':
      await send();
      return send();
    case undefined:
      return send();
  }
}

function forward(
  target: string,
  path: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<WholeAnswer> {
  return wholeAnswer(httpRequest(new URL(path, target), { method: 'POST', headers, agent: false }), body);
}

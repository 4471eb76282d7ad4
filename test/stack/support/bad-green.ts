import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { Ports } from '../../support/child-process.js';

/** What a green with one fault answers. */
export interface Fault {
  readonly postStatus?: number;
  readonly tee?: { readonly state: string; readonly oldestMs: number };
}

/** A server on the ports of green that looks ready and has one fault. */
export async function startBadGreen(
  ports: Ports,
  { postStatus = 200, tee }: Fault,
): Promise<() => Promise<void>> {
  let posts = 0;
  const answers: Readonly<Record<string, () => string>> = {
    '/ready': () => JSON.stringify({ status: 'ready', state: 'ready', reasons: [] }),
    '/api/v1/ops/legacy-tee': () =>
      JSON.stringify({ state: 'passing', waiting: 0, oldestMs: 0, isDrained: true, ...tee }),
    '/metrics': () =>
      `samserver_legacy_posts_total{post="position",outcome="taken",origin="direct"} ${posts}\nprocess_start_time_seconds 1\n`,
  };
  const servers = [ports.http, ports.socket].map((port) =>
    createServer((request, response) => {
      request.resume().on('end', () => {
        const answer = answers[request.url ?? ''];
        const isBoxPost =
          answer === undefined && request.method === 'POST' && !request.url?.includes('/ops/');
        posts += isBoxPost ? 1 : 0;
        response.writeHead(isBoxPost ? postStatus : 200).end(answer?.() ?? '{}');
      });
    }).listen(port, '127.0.0.1'),
  );
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const close = (server: Server): Promise<void> =>
    new Promise((settle) => {
      server.close(() => settle());
      server.closeAllConnections();
    });
  return async () => void (await Promise.all(servers.map(close)));
}

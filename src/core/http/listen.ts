import { once } from 'node:events';
import type { Server } from 'node:net';

/**
 * Connections that wait to be taken; the system cuts it to its own limit (`net.core.somaxconn`). With Node's 511, a
 * fleet that comes back at once is dropped by the kernel, and tries again only after 1, 3, 7 and 15 s.
 */
const BACKLOG = 8_192;

/**
 * Resolves when the server takes connections.
 * @throws the system's own error (EADDRINUSE, EACCES, EADDRNOTAVAIL) with `code` and `port`
 */
export async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen({ port, host, backlog: BACKLOG });
  await once(server, 'listening');
}

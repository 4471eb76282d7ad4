import { io, type Socket } from 'socket.io-client';

/** Connects a socket that does not reconnect. @throws the `connect_error` of the server */
export async function connectSocket(url: string, namespace: string, token?: string): Promise<Socket> {
  return whenConnected(openSocket(url, namespace, token));
}

/** Waits for the connection of `openSocket`. For tests whose listeners must be set before the first event arrives. */
export async function whenConnected(socket: Socket): Promise<Socket> {
  const outcome = await new Promise<Error | null>((resolve) => {
    socket.once('connect', () => resolve(null));
    socket.once('connect_error', resolve);
  });
  if (outcome) {
    socket.close();
    throw outcome;
  }
  return socket;
}

export function openSocket(url: string, namespace: string, token?: string): Socket {
  return io(`${url}${namespace}`, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    ...(token !== undefined && { auth: { token } }),
  });
}

/** Emits and waits for the acknowledgement. */
// Tests read the fields that they assert.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function ask(socket: Socket, event: string, payload: unknown): Promise<any> {
  return socket.timeout(WAIT_LIMIT_MS).emitWithAck(event, payload);
}

/**
 * The longest wait for anything in a test, milliseconds. It is far above what a slow machine needs, because a condition
 * that holds ends the wait at once, and below Jest's `testTimeout`, so that the error names what was missing.
 * `test/faults.mjs` shortens it, because there most waits end with a time-out.
 */
export const WAIT_LIMIT_MS = Number(process.env['TEST_WAIT_LIMIT_MS'] ?? 150_000);

/** Waits until a condition holds. @throws after `WAIT_LIMIT_MS`, also when one call of `isDone` does not end */
export async function until(isDone: () => boolean | Promise<boolean>, what = 'it'): Promise<void> {
  let limit: NodeJS.Timeout | undefined;
  const isOver = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new Error(`waited ${WAIT_LIMIT_MS} ms for ${what}`)), WAIT_LIMIT_MS);
  });
  try {
    while (!(await Promise.race([isDone(), isOver])))
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), isOver]);
  } finally {
    clearTimeout(limit);
  }
}

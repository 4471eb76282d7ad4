import type { Namespace, Server, Socket } from 'socket.io';
import type { SocketErrorAnswer } from '../socket-events.js';

const UNKNOWN_EVENT: SocketErrorAnswer = {
  error: { code: 'input/unknown-event', message: 'There is no such event here.' },
};
const MAX_LOGGED_NAME_LENGTH = 40;

/** Acknowledges unknown events with an error, in every namespace; otherwise the sender would wait for ever. */
export function answerUnknownEvents(io: Server, onUnknown: (socket: Socket, event: string) => void): void {
  const answer = (namespace: Namespace): void => {
    namespace.on('connection', (socket) => {
      socket.onAny((event: unknown, ...args: unknown[]) => {
        // Socket.IO itself handles `error`.
        const isUnknown = event === 'error' || socket.listenerCount(event as string) === 0;
        if (!isUnknown) return;
        onUnknown(socket, String(event).slice(0, MAX_LOGGED_NAME_LENGTH));
        const acknowledge = args.at(-1);
        if (typeof acknowledge === 'function')
          (acknowledge as (answer: SocketErrorAnswer) => void)(UNKNOWN_EVENT);
      });
    });
  };
  // The default namespace exists already.
  answer(io.sockets);
  io.on('new_namespace', answer);
}

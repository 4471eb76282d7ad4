import type { Subscriber } from './live-stream.js';
import type { SubscriberSocket } from '../sockets.js';

const unsentOf = new WeakMap<SubscriberSocket, { count: number }>();

/**
 * A socket as a subscriber. It counts messages since engine.io's last `flush`, which engine.io emits when it hands all
 * buffered messages to the transport; it emits no `flush` for a client that does not read.
 */
export function subscriberFor(socket: SubscriberSocket): Subscriber {
  let unsent = unsentOf.get(socket);
  if (!unsent) {
    const counter = { count: 0 };
    socket.conn.on('flush', () => (counter.count = 0));
    unsentOf.set(socket, counter);
    unsent = counter;
  }
  const { id } = socket;
  const counter = unsent;
  return {
    id,
    positions: (frame) => {
      counter.count += 1;
      socket.emit('positions', frame);
    },
    vehicle: (vehicle, cursor) => {
      counter.count += 1;
      socket.emit('vehicle', { cursor, vehicle });
    },
    crash: (crash, cursor) => {
      counter.count += 1;
      socket.emit('crash', { cursor, crash });
    },
    crew: (event, cursor) => {
      counter.count += 1;
      socket.emit('crew', { cursor, event });
    },
    left: (vehicleId) => socket.emit('left', { vehicleId }),
    resync: (reason) => socket.emit('resync', { reason }),
    get unsent() {
      return counter.count;
    },
  };
}

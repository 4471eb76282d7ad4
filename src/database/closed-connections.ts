import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

/** The parts of the driver that the patch uses (mongodb 7.8, `lib/cmap/connection.js`). */
interface DriverConnection {
  readonly closed: boolean;
  readonly socket: Socket;
  cleanup: (this: DriverConnection, error: Error) => void;
}

const PATCHED = Symbol.for('samserver:closed-connections');

/**
 * Ends a write that waits on a connection which has closed. The driver waits for the event `drain` of the socket or for an
 * error. A socket that is already closing takes no write and reports neither, so the command never ends. For a command of an
 * operation there is `patchOperationTimeLimit`; when it is the driver's own check of the server, the client never connects
 * again, and the service stays without its database until it is restarted.
 *
 * Remove it when the driver does this itself; `closed-connections.spec.ts` passes without it then.
 * @throws TypeError when the driver has another shape
 */
export function patchClosedConnections(): void {
  // The copy of the driver that mongoose uses: this package has no other.
  const { Connection } = createRequire(import.meta.url)('mongodb/lib/cmap/connection.js') as {
    Connection: { readonly prototype: DriverConnection & { [PATCHED]?: true } };
  };
  const { prototype } = Connection;
  if (prototype[PATCHED]) return;
  const { cleanup } = prototype;
  if (typeof cleanup !== 'function')
    throw new TypeError('mongodb: Connection.cleanup does not exist; adapt or remove patchClosedConnections');
  prototype.cleanup = function (error) {
    const wasClosed = this.closed;
    cleanup.call(this, error);
    // The wait for `drain` ends with it. The listener of the connection itself does nothing when it is closed.
    if (!wasClosed) this.socket.emit('error', error);
  };
  prototype[PATCHED] = true;
}

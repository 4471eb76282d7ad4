import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

/** The members of the driver's `Connection` that the patch uses (mongodb 7.8, `lib/cmap/connection.js`). */
interface DriverConnection {
  readonly socket: Socket;
  readonly closed: boolean;
  cleanup(error: Error): void;
}

const PATCHED = Symbol.for('samserver:abandoned-writes');

/**
 * Corrects a fault of the driver. A command that is larger than the socket's buffer waits for `drain` or `error`, but not
 * for `close`. When the database ends or stalls during this wait, the promise of the command never settles, in spite of
 * all time-outs, and the connection never returns to the pool. One such write blocks all later positions for ever. The
 * patch emits `error` on the socket when the connection closes.
 *
 * Remove it when `Connection.writeCommand` listens to `close`; `stalled-write.spec.ts` passes without it then.
 * @throws TypeError when the driver's `Connection` has another shape
 */
export function patchStalledWrites(): void {
  // The copy of the driver that mongoose uses.
  const requireFromMongoose = createRequire(createRequire(import.meta.url).resolve('mongoose'));
  const { Connection } = requireFromMongoose('mongodb/lib/cmap/connection.js') as {
    Connection: { readonly prototype: DriverConnection & { [PATCHED]?: true } };
  };
  const { prototype } = Connection;
  if (prototype[PATCHED]) return;
  // Called below with its connection as `this`.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { cleanup } = prototype;
  if (typeof cleanup !== 'function')
    throw new TypeError('mongodb: Connection.cleanup does not exist; adapt or remove patchStalledWrites');
  prototype.cleanup = function (this: DriverConnection, error: Error): void {
    const wasClosed = this.closed;
    cleanup.call(this, error);
    if (!wasClosed && this.socket.listenerCount('error') > 0) this.socket.emit('error', error);
  };
  prototype[PATCHED] = true;
}

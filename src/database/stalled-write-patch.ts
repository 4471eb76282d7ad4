import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

/** What is used here of the driver's `Connection` (mongodb 7.8, `lib/cmap/connection.js`). */
interface DriverConnection {
  readonly socket: Socket;
  readonly closed: boolean;
  cleanup(error: Error): void;
}

const PATCHED = Symbol.for('samserver:abandoned-writes');

/**
 * Mends the driver: a command larger than the socket takes at once waits until it may write on, and is told of an error
 * meanwhile, but not of the end of the connection. When the database dies or stalls just then, its promise is never
 * settled, whatever the time-outs say, and its place in the pool is never given back; one such write would hold up every
 * position behind it for ever. So the end of a connection is told to those who wait for its socket.
 *
 * To be dropped when `Connection.writeCommand` listens to `close`: `stalled-write.spec.ts` is green without it then.
 * @throws TypeError when the driver is built otherwise than this knows
 */
export function patchStalledWrites(): void {
  // The very copy that mongoose speaks through.
  const requireFromMongoose = createRequire(createRequire(import.meta.url).resolve('mongoose'));
  const { Connection } = requireFromMongoose('mongodb/lib/cmap/connection.js') as {
    Connection: { readonly prototype: DriverConnection & { [PATCHED]?: true } };
  };
  const { prototype } = Connection;
  if (prototype[PATCHED]) return;
  // Called below with the connection it belongs to.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { cleanup } = prototype;
  if (typeof cleanup !== 'function') throw new TypeError('mongodb: Connection.cleanup is not there any more');
  prototype.cleanup = function (this: DriverConnection, error: Error): void {
    const wasClosed = this.closed;
    cleanup.call(this, error);
    if (!wasClosed && this.socket.listenerCount('error') > 0) this.socket.emit('error', error);
  };
  prototype[PATCHED] = true;
}

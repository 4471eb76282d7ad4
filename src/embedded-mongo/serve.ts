import { mkdirSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { Connection } from './connection.js';
import { Engine } from './engine.js';
import { acquireDirectoryLock, listening } from './directory-lock.js';
import type { ScanStats } from './scan.js';
import { Store } from './store.js';

export interface EmbeddedMongoOptions {
  /** Where the data lie; made when missing. */
  directory: string;
  /** On 127.0.0.1; 0, the default, takes a free one. */
  port?: number;
  /** Acknowledge before the data are on the disk. For tests only. */
  noSync?: boolean;
  /** Faults and connections that were closed for what they sent. */
  onLog?: (message: string) => void;
}

export interface ServedMongo {
  /** `mongodb://127.0.0.1:PORT/` */
  uri: string;
  port: number;
  /** What has been looked at since the start. */
  stats: Readonly<ScanStats>;
  /** Resolves with the reason when the disk can no longer be trusted; never while all is well. */
  failed: Promise<Error>;
  /** Finishes what is being written, then closes every connection and the files. */
  stop(): Promise<void>;
}

/**
 * Serves the embedded database from this thread.
 * @throws DirectoryInUseError; Error with `code` EADDRINUSE when the port is taken
 */
export async function serveEmbeddedMongo(options: EmbeddedMongoOptions): Promise<ServedMongo> {
  const { noSync = false, onLog = () => undefined } = options;
  const directory = resolve(options.directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  let onFatal: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((settle) => (onFatal = settle));
  const store = new Store(directory, noSync, (error) => {
    onLog(`fatal: ${error.message}`);
    onFatal(error);
  });
  const server = createServer();
  const sockets = new Set<Socket>();
  let owner: Server | undefined;
  const closeConnections = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const stop = async (): Promise<void> => {
    closeConnections();
    await store.close();
    owner?.close();
  };
  try {
    owner = await acquireDirectoryLock(directory, store);
    // Only now: the catalog it reads could still have been changed by the owner before.
    const engine = new Engine(store);
    let connections = 0;
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      new Connection(socket, engine, ++connections, onLog);
    });
    await listening(server.listen(options.port ?? 0, '127.0.0.1'));
    const { port } = server.address() as AddressInfo;
    // A write whose fate is unknown must not be answered, nor another be taken.
    void failed.then(closeConnections);
    return { uri: `mongodb://127.0.0.1:${port}/`, port, stats: engine.stats, failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

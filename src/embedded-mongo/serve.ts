import { mkdirSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { Connection } from './connection.js';
import { Engine } from './engine.js';
import { acquireDirectoryLock, listening } from './directory-lock.js';
import type { ScanStats } from './scan.js';
import { Store } from './store.js';

export interface EmbeddedMongoOptions {
  /** The data directory; created when missing. */
  directory: string;
  /** Port on 127.0.0.1; 0, the default, selects a free one. */
  port?: number;
  /** Acknowledges writes before they are on the disk. For tests only. */
  noSync?: boolean;
  /** Receives errors, and connections that were closed because of invalid bytes. */
  onLog?: (message: string) => void;
}

export interface ServedMongo {
  /** `mongodb://127.0.0.1:PORT/` */
  uri: string;
  port: number;
  /** Counts since the start. */
  stats: Readonly<ScanStats>;
  /** Resolves with the reason when the disk is no longer usable. */
  failed: Promise<Error>;
  /** Finishes pending writes, then closes all connections and files. */
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
    // After the lock: the previous owner could change the catalog before.
    const engine = new Engine(store);
    let connections = 0;
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      new Connection(socket, engine, ++connections, onLog);
    });
    await listening(server.listen(options.port ?? 0, '127.0.0.1'));
    const { port } = server.address() as AddressInfo;
    // The result of the pending write is unknown, so it must not be answered, and no other write may begin.
    void failed.then(closeConnections);
    return { uri: `mongodb://127.0.0.1:${port}/`, port, stats: engine.stats, failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

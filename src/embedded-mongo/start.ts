import { Worker } from 'node:worker_threads';
import type { EmbeddedMongoOptions } from './serve.js';
import type { WorkerMessage } from './worker.js';

export interface EmbeddedMongo {
  /** `mongodb://127.0.0.1:PORT/` */
  uri: string;
  port: number;
  /** Resolves with the reason when the database ended without `stop`. */
  failed: Promise<Error>;
  /** Finishes pending writes and ends the worker. */
  stop(): Promise<void>;
}

/**
 * Runs the embedded database in a worker thread of this process, so that a long scan or a flush does not block the
 * service. It needs the compiled files: a worker does not load TypeScript.
 * @throws Error when the directory is served by another process, or with `code` EADDRINUSE when the port is taken
 */
export async function startEmbeddedMongo(options: EmbeddedMongoOptions): Promise<EmbeddedMongo> {
  const { onLog, ...workerData } = options;
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
  let isStopping = false;
  let onFailed: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((settle) => (onFailed = settle));

  const port = await new Promise<number>((settle, reject) => {
    const fail = (error: Error): void => {
      reject(error);
      if (!isStopping) onFailed(error);
    };
    worker.on('error', fail);
    worker.on('exit', (code) => fail(new Error(`the embedded database's thread ended with code ${code}`)));
    worker.on('message', (message: WorkerMessage) => {
      switch (message.kind) {
        case 'started':
          return settle(message.port);
        case 'log':
          return onLog?.(message.message);
        case 'refused':
          return reject(Object.assign(new Error(message.message), { code: message.code }));
        case 'failed':
          return fail(new Error(message.message));
      }
    });
  });

  return {
    uri: `mongodb://127.0.0.1:${port}/`,
    port,
    failed,
    async stop() {
      isStopping = true;
      const ended = new Promise<void>((settle) => worker.once('exit', () => settle()));
      worker.postMessage('stop');
      await ended;
    },
  };
}

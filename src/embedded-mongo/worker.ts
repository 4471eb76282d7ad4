import { parentPort, workerData } from 'node:worker_threads';
import { type EmbeddedMongoOptions, serveEmbeddedMongo } from './serve.js';

/** Messages of the worker to the thread that started it. */
export type WorkerMessage =
  | { kind: 'started'; port: number }
  | { kind: 'refused'; message: string; code?: string }
  | { kind: 'log'; message: string }
  | { kind: 'failed'; message: string };

const postToParent = (message: WorkerMessage): void => parentPort?.postMessage(message);

try {
  const served = await serveEmbeddedMongo({
    ...(workerData as EmbeddedMongoOptions),
    onLog: (message) => postToParent({ kind: 'log', message }),
  });
  parentPort?.once('message', () => {
    // Ends this thread, not the process.
    void served.stop().then(() => process.exit());
  });
  void served.failed.then(({ message }) => postToParent({ kind: 'failed', message }));
  postToParent({ kind: 'started', port: served.port });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  postToParent({ kind: 'refused', message, ...(code !== undefined && { code }) });
}

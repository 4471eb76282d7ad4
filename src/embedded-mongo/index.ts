import type { EmbeddedMongoOptions, ServedMongo } from './serve.js';

export type { ServedMongo } from './serve.js';
export { type EmbeddedMongo, startEmbeddedMongo } from './start.js';
export { DirectoryInUseError } from './directory-lock.js';

/**
 * Serves the embedded database from this thread. Loads it here: `startEmbeddedMongo` needs it in its worker only.
 * @throws DirectoryInUseError; Error with `code` EADDRINUSE when the port is taken
 */
export async function serveEmbeddedMongo(options: EmbeddedMongoOptions): Promise<ServedMongo> {
  const { serveEmbeddedMongo: serve } = await import('./serve.js');
  return serve(options);
}

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mongoose';
import { type ServedMongo, serveEmbeddedMongo } from '../../src/embedded-mongo/index.js';

export interface TestDatabase {
  /** Address with a unique database name, `samserver_test_…`. */
  readonly url: string;
  readonly isEmbedded: boolean;
  /** What the embedded server has read; null on a real server. */
  readonly stats: ServedMongo['stats'] | null;
  stop(): Promise<void>;
}

/**
 * Creates a database for one test: on the real server of `TEST_MONGODB_URL`, else on an embedded server in this process.
 * It reads no other setting of the environment.
 */
export async function startTestDatabase(): Promise<TestDatabase> {
  const name = `samserver_test_${randomBytes(6).toString('hex')}`;
  const real = process.env['TEST_MONGODB_URL'];
  if (real !== undefined && real !== '') {
    const url = withDatabase(real, name);
    return { url, isEmbedded: false, stats: null, stop: () => dropDatabase(url) };
  }
  const directory = await mkdtemp(join(tmpdir(), 'samserver-db-'));
  const served = await serveEmbeddedMongo({ directory, noSync: true });
  return {
    url: `${served.uri}${name}?retryWrites=false`,
    isEmbedded: true,
    stats: served.stats,
    stop: async () => {
      await served.stop();
      await rm(directory, { recursive: true });
    },
  };
}

function withDatabase(url: string, name: string): string {
  const { base, query } =
    /^(?<base>mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*(?<query>\?.*)?$/.exec(url)?.groups ?? {};
  if (base === undefined) throw new Error('TEST_MONGODB_URL is no MongoDB address');
  return `${base}/${name}${query ?? ''}`;
}

async function dropDatabase(url: string): Promise<void> {
  const connection = await createConnection(url).asPromise();
  await connection.dropDatabase();
  await connection.close();
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServedMongo, serveEmbeddedMongo } from '../../src/embedded-mongo/index.js';

/** Address of a server, without a database name: TEST_MONGODB_URL, or an embedded server of this test file. */
export interface MongoUnderTest {
  uri: string;
  /** Null with a real server. */
  embedded: ServedMongo | null;
  stop(): Promise<void>;
}

export const isRealMongo = process.env.TEST_MONGODB_URL !== undefined && process.env.TEST_MONGODB_URL !== '';

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'samserver-mongo-'));

export async function startMongoUnderTest(): Promise<MongoUnderTest> {
  if (isRealMongo)
    return { uri: process.env.TEST_MONGODB_URL as string, embedded: null, stop: async () => undefined };
  const directory = temporaryDirectory();
  const embedded = await serveEmbeddedMongo({ directory, noSync: true });
  return {
    uri: embedded.uri,
    embedded,
    async stop() {
      await embedded.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Tests create and drop databases with this prefix only. */
export const testDatabaseName = (): string => `samserver_test_${process.pid}_${Date.now().toString(36)}`;

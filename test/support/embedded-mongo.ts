import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServedMongo, serveEmbeddedMongo } from '../../src/embedded-mongo/index.js';

/** A server address without a database: the one of TEST_MONGODB_URL, or an embedded server of this test file alone. */
export interface MongoUnderTest {
  uri: string;
  /** Null when a real server is tested. */
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

/** Tests make and drop only databases of this form. */
export const testDatabaseName = (): string => `samserver_test_${process.pid}_${Date.now().toString(36)}`;

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Connection, createConnection, Schema } from 'mongoose';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../../src/config/index.js';
import { connectOptions } from '../../src/database/connect-options.js';
import { patchOperationTimeLimit } from '../../src/database/operation-time-limit.js';
import { insertOrFindDuplicates } from '../../src/database/index.js';
import { until } from '../support/sockets.js';
import { stallingDatabase, type StallingProxy } from '../support/stalling-proxy.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';

const TIMEOUT_MS = 500;

let database: TestDatabase;
let proxy: StallingProxy;
let connection: Connection;
beforeAll(async () => {
  patchOperationTimeLimit();
  database = await startTestDatabase();
  const stalling = await stallingDatabase(database.url);
  proxy = stalling.proxy;
  const settings = { mongo: { timeoutMs: TIMEOUT_MS } } as Settings;
  connection = await createConnection(stalling.url, connectOptions(settings)).asPromise();
});
afterAll(async () => {
  await connection.close(true);
  await proxy.close();
  await database.stop();
});

describe('a write that the database does not read', () => {
  /** More than the kernel buffers for a connection: the driver must wait before it can continue. */
  const LARGE = Array.from({ length: 14 }, (_, n) => ({ n, filling: 'x'.repeat(1_000_000) }));

  it('fails in time, so that later writes can continue', async () => {
    const model = connection.model<unknown>('Stalled', new Schema<unknown>({}, { strict: false }));
    await insertOrFindDuplicates(model, [{ isSmall: true }]);
    proxy.stall();
    const outcome = await Promise.race([
      insertOrFindDuplicates(model, LARGE).catch((error: unknown) => error),
      sleep(TIMEOUT_MS * 20, 'still waiting', { ref: false }),
    ]);
    expect(outcome).toMatchObject({ code: 'storage/unavailable' });
    proxy.resume();
    await until(
      async () => (await insertOrFindDuplicates(model, [{ again: true }]).catch(() => null)) !== null,
    );
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { getConnectionToken } from '@nestjs/mongoose';
import { type Connection, createConnection } from 'mongoose';
import { startService, type RunningService } from '../../src/app.setup.js';
import { createPino, PinoLogger } from '../../src/common/index.js';
import { loadSettings } from '../../src/config/index.js';
import {
  DatabaseLink,
  MIGRATIONS,
  SchemaMigrations,
  type SchemaState,
  SchemaStateRepository,
  SchemaStatus,
  StartSteps,
  SUPPORTED_SCHEMA,
} from '../../src/database/index.js';
import { FIRST_COLLECTIONS } from '../../src/database/migrations/0001-first-collections.js';
import { IMAGE_INDEXES } from '../../src/database/migrations/0002-images.js';
import { CRASH_INDEXES } from '../../src/database/migrations/0003-crashes.js';
import { CREW_EVENT_INDEXES } from '../../src/database/migrations/0004-crew-events.js';
import { DatabaseServer } from '../../src/database/database-server.js';
import { SchemaGate } from '../../src/database/schema/schema-gate.service.js';
import { schemaMigrations } from '../../src/database/schema/schema-migrations.provider.js';
import { until } from '../support/sockets.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';
import { JWT_SECRET } from '../support/test-service.js';

let database: TestDatabase;
let connection: Connection;
const services: RunningService[] = [];
beforeEach(async () => {
  database = await startTestDatabase();
  connection = await createConnection(database.url, { autoIndex: false, autoCreate: false }).asPromise();
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
  await connection.close();
  await database.stop();
});

/** With its ports open and the start going on behind them. */
async function start(onStart: 'up' | 'check'): Promise<{ link: DatabaseLink; service: RunningService }> {
  const { settings } = loadSettings({
    MONGODB_URL: database.url,
    JWT_SECRET,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
    SOCKET_SERVER_PORT: '0',
    SCHEMA_ON_START: onStart,
  });
  const service = await startService(
    settings,
    new PinoLogger(createPino('silent', { isTerminal: false, release: null })),
  );
  services.push(service);
  return { service, link: service.app.get(DatabaseLink) };
}

async function setState(state: Partial<SchemaState>): Promise<void> {
  await connection.db
    ?.collection<SchemaState & { _id: string }>('schema_state')
    .updateOne({ _id: 'schema' }, { $set: state }, { upsert: true });
}

const blocked = (link: DatabaseLink): Promise<void> =>
  until(() => link.phase === 'blocked', 10_000, 'the instance to be blocked');
const started = (link: DatabaseLink): Promise<void> =>
  until(() => link.phase === 'started', 10_000, 'the instance to start');

describe('the schema of a new database', () => {
  it('has every collection and index that the models declare', async () => {
    const { link, service } = await start('up');
    await started(link);
    const { models, db } = service.app.get<Connection>(getConnectionToken());
    expect(Object.keys(models).length).toBeGreaterThan(5);
    const collections = [
      ...FIRST_COLLECTIONS,
      { name: 'images', options: undefined, indexes: IMAGE_INDEXES },
      { name: 'crashes', options: undefined, indexes: CRASH_INDEXES },
      { name: 'legacy_clients', options: undefined, indexes: undefined },
      { name: 'crew_events', options: undefined, indexes: CREW_EVENT_INDEXES },
      { name: 'crew_states', options: undefined, indexes: undefined },
    ];
    for (const { collection, schema } of Object.values(models)) {
      const made = collections.find(({ name }) => name === collection.collectionName);
      expect(made).toBeDefined();
      const { clusteredIndex } = schema.options as { clusteredIndex?: unknown };
      expect(made?.options?.clusteredIndex).toEqual(clusteredIndex);
      const indexes = schema.indexes().map(([key, options]) => {
        const name = Object.entries(key).flat().join('_');
        return { ...options, key, name };
      });
      if (indexes.length === 0) continue;
      const answer = await db?.command({ createIndexes: collection.collectionName, indexes });
      // A real server does not count the one that a collection is clustered by.
      expect(answer?.['numIndexesBefore']).toBeGreaterThanOrEqual(indexes.length);
      expect([collection.collectionName, answer?.['numIndexesAfter']]).toEqual([
        collection.collectionName,
        answer?.['numIndexesBefore'],
      ]);
    }
    expect(await new SchemaStateRepository(connection).find()).toMatchObject({
      version: MIGRATIONS.length,
      owner: null,
      failed: null,
    });
  });

  it('takes over the collections of a release that had no steps', async () => {
    const db = connection.db;
    await db?.createCollection('positions', { clusteredIndex: { key: { _id: 1 }, unique: true } });
    await db?.collection('users').createIndex({ email: 1 }, { unique: true });
    await started((await start('up')).link);
  });
});

describe('an instance that may only look', () => {
  it('waits with its ports open, says why, and goes on by itself when the schema is there', async () => {
    const { link, service } = await start('check');
    await blocked(link);
    expect((await fetch(`http://127.0.0.1:${service.httpPort}/health`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${service.httpPort}/ready`)).status).toBe(503);
    expect(service.app.get(SchemaStatus).lastView).toMatchObject({ current: 0, fit: 'too_old' });
    const [hasStarted, phase] = [link.hasStarted, link.phase];
    expect([hasStarted, phase]).toEqual([false, 'blocked']);
    await started((await start('up')).link);
    await started(link);
    expect(service.app.get(SchemaStatus).lastView).toEqual({
      current: MIGRATIONS.length,
      supported: SUPPORTED_SCHEMA,
      pending: 0,
      lock: { held: false },
      fit: 'fits',
      failed: null,
    });
  }, 60_000);

  it('does what it was asked to do before it looks at the schema', async () => {
    const { settings } = loadSettings({ MONGODB_URL: database.url, JWT_SECRET, SCHEMA_ON_START: 'up' });
    const [own, server] = [createConnection(), new DatabaseServer(settings)];
    const status = new SchemaStatus(own);
    const gate = new SchemaGate(
      settings,
      status,
      schemaMigrations(own, settings, server, () => undefined),
    );
    const link = new DatabaseLink(own, settings, server, gate, new StartSteps());
    const seen: unknown[] = [];
    link.beforeSchema.add('heartbeat', async () => {
      const { version } = await new SchemaStateRepository(own).find();
      seen.push(status.lastView, version, link.phase);
    });
    link.onApplicationBootstrap();
    await link.whenStarted();
    expect([...seen, link.phase]).toEqual([null, 0, 'connecting', 'started']);
    await link.onApplicationShutdown();
  });
});

describe('an instance is blocked', () => {
  it('by a newer schema, and by one that is announced', async () => {
    await setState({ version: SUPPORTED_SCHEMA.max, epoch: 1, steps: [], failed: null, contractingTo: 99 });
    await setState({ owner: null, lockedUntil: new Date(0) });
    const { link, service } = await start('up');
    await blocked(link);
    expect(service.app.get(SchemaStatus).lastView).toMatchObject({ fit: 'too_new' });
    await setState({ contractingTo: null });
    await started(link);
    await setState({ version: 99 });
    expect(await service.app.get(SchemaStatus).look()).toMatchObject({
      current: 99,
      fit: 'too_new',
      pending: 0,
    });
  });

  it('by a failed step that it does not try again by itself, until the record is gone', async () => {
    const failed = {
      version: 1,
      name: 'first-collections',
      kind: 'expand',
      error: 'no room',
      whatToDo: 'Type: samserver schema up',
    } as const;
    await setState({
      version: 0,
      epoch: 1,
      owner: null,
      lockedUntil: new Date(0),
      steps: [],
      contractingTo: null,
    });
    await setState({ failed });
    const { link, service } = await start('up');
    await blocked(link);
    expect(service.app.get(SchemaStatus).lastView).toMatchObject({ fit: 'failed' });
    // Two looks later it has still not tried.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await new SchemaStateRepository(connection).find()).toMatchObject({
      version: 0,
      epoch: 1,
      failed,
    });
    const run = { signal: new AbortController().signal, retryFailed: true };
    await service.app.get(SchemaMigrations).up(run);
    await started(link);
  }, 30_000);
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { getConnectionToken } from '@nestjs/mongoose';
import { type Connection, createConnection } from 'mongoose';
import { startService, type RunningService } from '../../src/app.js';
import { createPino, EventBus, PinoLogger } from '../../src/core/index.js';
import { loadSettings } from '../../src/config/index.js';
import {
  DatabaseConnection,
  MIGRATIONS,
  SchemaMigrator,
  type SchemaState,
  SchemaStateRepository,
  SchemaStatus,
  StartupTasks,
  SUPPORTED_SCHEMA,
} from '../../src/database/index.js';
import { FIRST_COLLECTIONS } from '../../src/database/migrations/0001-first-collections.js';
import { IMAGE_INDEXES } from '../../src/database/migrations/0002-images.js';
import { CRASH_INDEXES } from '../../src/database/migrations/0003-crashes.js';
import { CREW_EVENT_INDEXES } from '../../src/database/migrations/0004-crew-events.js';
import { DatabaseServer } from '../../src/database/database-server.js';
import { SchemaGate } from '../../src/database/migrations/schema-gate.service.js';
import { createSchemaMigrator } from '../../src/database/migrations/schema-migrator.js';
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

/** Resolves when the ports are open; the start continues in the background. */
async function start(
  onStart: 'up' | 'check',
): Promise<{ databaseConnection: DatabaseConnection; service: RunningService }> {
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
  return { service, databaseConnection: service.app.get(DatabaseConnection) };
}

async function setState(state: Partial<SchemaState>): Promise<void> {
  await connection.db
    ?.collection<SchemaState & { _id: string }>('schema_state')
    .updateOne({ _id: 'schema' }, { $set: state }, { upsert: true });
}

const blocked = (databaseConnection: DatabaseConnection): Promise<void> =>
  until(() => databaseConnection.phase === 'blocked', 'the instance to be blocked');
const started = (databaseConnection: DatabaseConnection): Promise<void> =>
  until(() => databaseConnection.phase === 'started', 'the instance to start');

describe('the schema of a new database', () => {
  it('has every collection and index that the models declare', async () => {
    const { databaseConnection, service } = await start('up');
    await started(databaseConnection);
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
      // A real server does not count the index of a clustered collection.
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

  it('keeps the collections of a release without schema steps', async () => {
    const db = connection.db;
    await db?.createCollection('positions', { clusteredIndex: { key: { _id: 1 }, unique: true } });
    await db?.collection('users').createIndex({ email: 1 }, { unique: true });
    await started((await start('up')).databaseConnection);
  });
});

describe('an instance that may only read', () => {
  it('waits with its ports open, shows the reason, and continues when the schema exists', async () => {
    const { databaseConnection, service } = await start('check');
    await blocked(databaseConnection);
    expect((await fetch(`http://127.0.0.1:${service.httpPort}/health`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${service.httpPort}/ready`)).status).toBe(503);
    expect(service.app.get(SchemaStatus).lastView).toMatchObject({ current: 0, fit: 'too_old' });
    const [hasStarted, phase] = [databaseConnection.hasStarted, databaseConnection.phase];
    expect([hasStarted, phase]).toEqual([false, 'blocked']);
    await started((await start('up')).databaseConnection);
    await started(databaseConnection);
    // It starts with the first version that it supports.
    await until(() => service.app.get(SchemaStatus).lastView?.lock.held === false, 'the end of the steps');
    expect(service.app.get(SchemaStatus).lastView).toEqual({
      current: MIGRATIONS.length,
      supported: SUPPORTED_SCHEMA,
      pending: 0,
      lock: { held: false },
      fit: 'fits',
      failed: null,
    });
  });

  it('runs the tasks before the schema check first, and publishes its phases', async () => {
    const { settings } = loadSettings({ MONGODB_URL: database.url, JWT_SECRET, SCHEMA_ON_START: 'up' });
    const [own, server, events] = [createConnection(), new DatabaseServer(settings), new EventBus()];
    const status = new SchemaStatus(own);
    const gate = new SchemaGate(
      settings,
      status,
      createSchemaMigrator(own, settings, server, () => undefined),
    );
    const databaseConnection = new DatabaseConnection(
      own,
      settings,
      server,
      gate,
      new StartupTasks(),
      events,
    );
    const seen: unknown[] = [];
    const phases: string[] = [];
    events.subscribe('database.phase-changed', ({ phase }) => {
      expect(databaseConnection.phase).toBe(phase);
      phases.push(phase);
    });
    databaseConnection.beforeSchemaCheck.add('heartbeat', async () => {
      const { version } = await new SchemaStateRepository(own).find();
      seen.push(status.lastView, version, databaseConnection.phase);
    });
    databaseConnection.onApplicationBootstrap();
    expect(await databaseConnection.whenStarted()).toBe(true);
    expect(phases).toEqual(['migrating', 'starting', 'started']);
    expect([...seen, databaseConnection.phase]).toEqual([null, 0, 'connecting', 'started']);
    await databaseConnection.onApplicationShutdown();
  });
});

describe('a shutdown before the start is done', () => {
  it('resolves whenStarted to false', async () => {
    const { databaseConnection } = await start('check');
    await blocked(databaseConnection);
    const started = databaseConnection.whenStarted();
    await services.pop()?.stop();
    expect(await started).toBe(false);
    expect(databaseConnection.phase).toBe('blocked');
  });
});

describe('an instance is blocked', () => {
  it('by a newer schema and by an announced one', async () => {
    await setState({ version: SUPPORTED_SCHEMA.max, epoch: 1, steps: [], failed: null, contractingTo: 99 });
    await setState({ owner: null, lockedUntil: new Date(0) });
    const { databaseConnection, service } = await start('up');
    await blocked(databaseConnection);
    expect(service.app.get(SchemaStatus).lastView).toMatchObject({ fit: 'too_new' });
    await setState({ contractingTo: null });
    await started(databaseConnection);
    await setState({ version: 99 });
    expect(await service.app.get(SchemaStatus).read()).toMatchObject({
      current: 99,
      fit: 'too_new',
      pending: 0,
    });
  });

  it('by a failed step, which it does not repeat, until the record is gone', async () => {
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
    const { databaseConnection, service } = await start('up');
    await blocked(databaseConnection);
    expect(service.app.get(SchemaStatus).lastView).toMatchObject({ fit: 'failed' });
    // After two more checks it has not repeated the step.
    const views = new Set<unknown>();
    await until(() => views.add(service.app.get(SchemaStatus).lastView).size > 2, 'two more checks');
    expect(await new SchemaStateRepository(connection).find()).toMatchObject({
      version: 0,
      epoch: 1,
      failed,
    });
    const run = { signal: new AbortController().signal, retryFailed: true };
    await service.app.get(SchemaMigrator).up(run);
    await started(databaseConnection);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mongoose';
import { COMMANDS } from '../../src/commands.js';
import { type CommandIo, runCommandLine } from '../../src/core/commands/index.js';
import { BackgroundJobs } from '../../src/core/index.js';
import { DatabaseConnection, SchemaStateRepository, StartupTasks } from '../../src/database/index.js';
import { DeploymentRecordsModule, InstancesRepository } from '../../src/deployment/index.js';
import { ImageRecordsModule } from '../../src/images/index.js';
import { LegacyClientsModule, LegacyClientsRepository } from '../../src/legacy/status/index.js';
import { requireCurrentSchema, withCommandContext } from '../../src/migration/command-context.js';
import { VehicleServicesModule, VehiclesService } from '../../src/vehicles/index.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';
import { JWT_SECRET } from '../support/test-service.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await startTestDatabase();
});
afterAll(() => database.stop());

function captured(env: Record<string, string>): CommandIo & { out: string; err: string } {
  const io = {
    out: '',
    err: '',
    env,
    stdout: { write: (text: string) => (io.out += text) },
    stderr: { write: (text: string) => (io.err += text) },
    signal: new AbortController().signal,
  };
  return io;
}

describe('every command', () => {
  it.each(COMMANDS.map(({ name }) => [name]))('%s has a help and exits 64 on wrong usage', async (name) => {
    const help = captured({});
    expect(await runCommandLine([name, '--help'], help, COMMANDS)).toBe(0);
    expect(help).toMatchObject({ out: expect.stringContaining(`Usage: samserver ${name} `), err: '' });
    const wrong = captured({});
    expect(await runCommandLine([name, '--no-such-option'], wrong, COMMANDS)).toBe(64);
    expect(wrong).toMatchObject({ out: '', err: expect.stringContaining('--help') });
  });
});

describe('the application context of a command', () => {
  const env = (): Record<string, string> => ({ MONGODB_URL: database.url, JWT_SECRET });
  const features = [VehicleServicesModule, DeploymentRecordsModule, ImageRecordsModule, LegacyClientsModule];

  it('gives the services of the features, and starts no job, no heartbeat and no startup task', async () => {
    await withCommandContext(captured(env()), features, async (context) => {
      expect(() => context.get(BackgroundJobs)).toThrow();
      expect(() => context.get(DatabaseConnection)).toThrow();
      expect(context.get(StartupTasks).list()).not.toEqual([]);
      expect(await context.get(VehiclesService).listIncludingArchived()).toEqual([]);
      expect(await context.get(InstancesRepository).findAlive()).toEqual([]);
      expect(await context.get(LegacyClientsRepository).list()).toEqual([]);
      expect(await context.get(SchemaStateRepository).find()).toMatchObject({ version: 0, epoch: 0 });
    });
    const connection = await createConnection(database.url).asPromise();
    for (const name of ['instances', 'leases', 'schema_state', 'deployment', 'users'])
      expect([name, await connection.collection(name).find().toArray()]).toEqual([name, []]);
    await connection.close();
  });

  it('works on a database whose schema is behind, and names it when the command needs the current one', async () => {
    const work = withCommandContext(captured(env()), [], (context, settings) =>
      requireCurrentSchema(context, settings, new AbortController().signal),
    );
    await expect(work).rejects.toMatchObject({ exitCode: 69, message: expect.stringContaining('schema up') });
  });

  it('reports a database that is not reachable, and wrong settings', async () => {
    const away = { ...env(), MONGODB_URL: 'mongodb://127.0.0.1:9/samserver', MONGODB_TIMEOUT_MS: '300' };
    const nothing = (): Promise<void> => Promise.resolve();
    await expect(withCommandContext(captured(away), [], nothing)).rejects.toMatchObject({ exitCode: 69 });
    const wrong = { ...env(), HTTP_PORT: 'x' };
    await expect(withCommandContext(captured(wrong), [], nothing)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('HTTP_PORT'),
    });
  });
});

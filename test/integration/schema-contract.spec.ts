import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Connection, createConnection } from 'mongoose';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '../../src/config/index.js';
import {
  DatabaseTime,
  openStepConnection,
  SchemaMigrator,
  SchemaStateRepository,
  type SchemaStep,
} from '../../src/database/index.js';
import type { CommandResult } from '../../src/core/commands/index.js';
import { type ContractGuards, schemaContract } from '../../src/migration/schema-contract.js';
import { InstancesRepository, type LiveInstance, RolloutRepository } from '../../src/deployment/index.js';
import { InstanceRecord, InstanceSchema } from '../../src/deployment/instance.schema.js';
import { RolloutRecord, RolloutSchema } from '../../src/deployment/rollout.schema.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';
import { JWT_SECRET } from '../support/test-service.js';

let database: TestDatabase;
let connection: Connection;
let repository: SchemaStateRepository;
let records: { readonly instances: InstancesRepository; readonly rollouts: RolloutRepository };
let directory: string;
let backup: string;
beforeEach(async () => {
  database = await startTestDatabase();
  connection = await createConnection(database.url, { autoIndex: false, autoCreate: false }).asPromise();
  repository = new SchemaStateRepository(connection);
  records = {
    instances: new InstancesRepository(
      connection.model<InstanceRecord>(InstanceRecord.name, InstanceSchema),
      new DatabaseTime(connection),
    ),
    rollouts: new RolloutRepository(connection.model<RolloutRecord>(RolloutRecord.name, RolloutSchema)),
  };
  directory = await mkdtemp(join(tmpdir(), 'samserver-contract-'));
  backup = join(directory, 'dump');
  await mkdir(join(backup, 'samserver'), { recursive: true });
  await writeFile(join(backup, 'samserver', 'vehicles.bson'), 'documents');
});
afterEach(async () => {
  await connection.close();
  await database.stop();
  await rm(directory, { recursive: true });
});

const never = new AbortController().signal;
const step = (version: number, kind: SchemaStep['kind'], up: SchemaStep['up'] = async () => undefined) => ({
  version,
  name: 'made-up',
  kind,
  up,
});
let ran: number;
const said: string[] = [];
const STEPS = [step(1, 'expand'), step(2, 'contract', async () => void (ran += 1)), step(3, 'expand')];

function migrationsOf(steps: readonly SchemaStep[]): SchemaMigrator {
  const { settings } = loadSettings({ MONGODB_URL: database.url, JWT_SECRET });
  return new SchemaMigrator({
    repository,
    steps,
    owner: 'the command',
    openConnection: () => openStepConnection(database.url, settings),
  });
}

/** Runs the expand steps first, so that the contract step is next. */
async function contract(
  options: { backup?: string; isConfirmed?: boolean; isDryRun?: boolean } = {},
  guards: ContractGuards = records,
): Promise<CommandResult> {
  ran = 0;
  await migrationsOf(STEPS).up({ signal: never, retryFailed: false });
  return command(STEPS, options, guards);
}

function command(
  steps: readonly SchemaStep[],
  options: { backup?: string; isConfirmed?: boolean; isDryRun?: boolean },
  guards: ContractGuards = records,
): Promise<CommandResult> {
  return schemaContract(
    { migrations: migrationsOf(steps), signal: never, printStatus: (line) => void said.push(line) },
    { backup, isConfirmed: true, isDryRun: false, waitMs: 0, ...options },
    guards,
  );
}

const alive = (id: string, schemaMin: number, schemaMax: number): Promise<void> =>
  records.instances.keepAlive({
    id,
    version: '2.0.0',
    revision: null,
    color: 'blue',
    schemaMin,
    schemaMax,
    state: 'ready',
    host: 'here',
    startedAt: new Date(),
  });

async function expectRefused(result: Promise<CommandResult>, ...texts: string[]): Promise<void> {
  const { exitCode, json } = await result;
  expect([exitCode, json['result']]).toEqual([1, 'refused']);
  expect(json['reasons']).toEqual(texts.map((text) => expect.stringContaining(text)));
  expect(ran).toBe(0);
  expect(await repository.find()).toMatchObject({ version: 1, contractingTo: null, owner: null });
}

describe('samserver schema contract', () => {
  it('runs one step when there is no refusal, and prints that older releases cannot run again', async () => {
    await alive('a', 1, 2);
    const { exitCode, lines } = await contract();
    expect([exitCode, ran]).toEqual([0, 1]);
    expect(lines).toEqual([
      'ran step 2 (0002-made-up, contract)',
      expect.stringContaining('the way back ends'),
    ]);
    expect(await repository.find()).toMatchObject({ version: 2, contractingTo: null, owner: null });
  });

  it('accepts a file as the backup, too', async () => {
    expect((await contract({ backup: join(backup, 'samserver', 'vehicles.bson') })).exitCode).toBe(0);
  });

  it('with --dry-run, prints the plan without --yes and changes nothing', async () => {
    const { exitCode, lines } = await contract({ isDryRun: true, isConfirmed: false });
    expect([exitCode, ran, lines[0]]).toEqual([0, 0, 'would run step 2 (0002-made-up, contract)']);
    // Only the expand step has run.
    expect(await repository.find()).toMatchObject({ version: 1, epoch: 1 });
  });

  it('refuses while an instance is alive that does not support the new version', async () => {
    await Promise.all([alive('old', 1, 1), alive('new', 1, 3)]);
    await expectRefused(contract(), 'instance old (2.0.0 blue) is alive');
    await records.instances.markStopped('old');
    expect((await contract()).exitCode).toBe(0);
  });

  it('refuses while a rollout is under way', async () => {
    const rollout = { id: 'r', from: 'blue', to: 'green', weightPct: 25, history: [] } as const;
    await records.rollouts.replace(0, { ...rollout, phase: 'shifting', epoch: 1 });
    await expectRefused(contract(), 'a rollout is under way: shifting, 25 %');
    await records.rollouts.replace(1, { ...rollout, phase: 'complete', weightPct: 100, epoch: 2 });
    expect((await contract()).exitCode).toBe(0);
  });

  it('refuses without a backup, and with a missing, an empty and an old one', async () => {
    await expectRefused(contract({ backup: undefined }), '--backup <path> is missing');
    await expectRefused(contract({ backup: join(directory, 'nowhere') }), 'nothing is there');
    await mkdir(join(directory, 'empty'));
    await writeFile(join(directory, 'empty', 'vehicles.bson'), '');
    await expectRefused(contract({ backup: join(directory, 'empty') }), 'nothing in it');
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    await utimes(join(backup, 'samserver', 'vehicles.bson'), yesterday, yesterday);
    await expectRefused(contract(), 'more than 24 hours ago');
  });

  it('lists every reason at once', async () => {
    await alive('old', 1, 1);
    await expectRefused(
      contract({ backup: undefined, isConfirmed: false }),
      'instance old',
      '--backup',
      '--yes',
    );
  });

  it('withdraws the announcement of a killed command when it refuses', async () => {
    await migrationsOf(STEPS).up({ signal: never, retryFailed: false });
    await connection.db?.collection('schema_state').updateOne({}, { $set: { contractingTo: 2 } });
    await alive('old', 1, 1);
    await expectRefused(contract(), 'instance old');
  });

  it('refuses before the expand steps', async () => {
    const { exitCode, json } = await command(STEPS, {});
    const reasons = ['step 1 (0001-made-up, expand) comes first: samserver schema up'];
    expect([exitCode, json['reasons']]).toEqual([1, reasons]);
  });

  it('finds an instance that starts between the first check and the announcement', async () => {
    const announced: unknown[] = [];
    const findAlive = async (): Promise<LiveInstance[]> => {
      announced.push((await repository.find()).contractingTo);
      const found = await records.instances.findAlive();
      if (announced.length === 1) await alive('late', 1, 1);
      return found;
    };
    await expectRefused(contract({}, { ...records, instances: { findAlive } }), 'instance late');
    expect(announced).toEqual([null, 2]);
  });
});

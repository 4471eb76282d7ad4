import { type Command, Option } from 'commander';
import {
  type CommandIo,
  type CommandResult,
  type DefineCommand,
  EXIT_CODES,
  type ExitCode,
  exitCodesHelp,
  printResult,
  secondsArgument,
} from '../core/commands/index.js';
import {
  DatabaseTime,
  failureText,
  MIGRATIONS,
  SchemaMigrator,
  type SchemaState,
  SchemaStateRepository,
  type SchemaStep,
  type SchemaView,
  stepTitle,
  SUPPORTED_SCHEMA,
  type UpPlan,
  viewOf,
} from '../database/index.js';
import { DeploymentRecordsModule, InstancesRepository, RolloutRepository } from '../deployment/index.js';
import { withCommandContext } from './command-context.js';
import { schemaContract } from './schema-contract.js';

/** Longer than the 30 s after which the lock of a crashed owner is free. */
const DEFAULT_WAIT_MS = 60_000;

interface SchemaOptions {
  readonly dryRun: boolean;
  readonly json: boolean;
  /** Milliseconds; the option is given in seconds. */
  readonly wait: number;
}

interface ContractOptions extends SchemaOptions {
  readonly backup?: string;
  readonly yes: boolean;
}

/** `samserver schema up|status|contract`. All three work when the service refuses to start. */
export const schemaCommand: DefineCommand = (command, io, setExitCode) => {
  command
    .description('Shows and migrates the schema of the database. docs/schema.md explains each refusal.')
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'done; status: this release works with the schema',
        FAILURE: 'failed or refused; status: this release does not work with the schema',
        USAGE: 'wrong usage',
        UNAVAILABLE:
          'the database is not reachable, or a service serves the evaluation database: stop it first',
        TEMPORARY_FAILURE: 'another process holds the lock',
        CONFIG: 'wrong settings',
        INTERRUPTED: 'interrupted',
      }),
    );
  subcommand(command, 'up', 'run the pending expand steps, also a step that failed before').action(
    async (options: SchemaOptions) => setExitCode(await up(io, options)),
  );
  subcommand(
    command,
    'status',
    'show the version of the database, the pending steps and the owner of the lock',
  ).action(async (options: SchemaOptions) => setExitCode(await status(io, options)));
  subcommand(command, 'contract', 'run the next contract step; no older release works after it')
    .option('--backup <path>', 'a backup of the last 24 hours, a file or a directory')
    .option('--yes', 'confirm that older releases can never run on this database again', false)
    .action(async (options: ContractOptions) => setExitCode(await contract(io, options)));
};

function subcommand(command: Command, name: string, description: string): Command {
  return command
    .command(name)
    .description(description)
    .option('--dry-run', 'print the plan and do nothing', false)
    .option('--json', 'print one JSON object on stdout', false)
    .addOption(
      new Option('--wait <s>', 'time to wait for the lock, seconds')
        .argParser(secondsArgument(0, 99_999))
        .default(DEFAULT_WAIT_MS, String(DEFAULT_WAIT_MS / 1_000)),
    );
}

/** Also runs the step that failed in an earlier run: the operator confirms by this command that the cause is gone. */
function up(io: CommandIo, { dryRun, json, wait }: SchemaOptions): Promise<ExitCode> {
  return withCommandContext(io, [], async (context) => {
    const migrations = context.get(SchemaMigrator);
    const plan = await migrations.planUp();
    if (dryRun) return printResult(io, json, upResult(plan, [], true));
    const ran = await migrations.up({ signal: io.signal, waitMs: wait, retryFailed: true });
    return printResult(io, json, upResult(await migrations.planUp(), ran, false));
  });
}

function upResult(plan: UpPlan, ran: readonly SchemaStep[], isDryRun: boolean): CommandResult {
  const { current, run, stopsAt, failed } = plan;
  // A contract step that failed is not retried by `up`, but the steps after it wait for it.
  const isBlocked = failed !== null && !run.some(({ version }) => version === failed.version);
  const lines = isDryRun
    ? run.map((step) => `would run ${stepTitle(step)}`)
    : ran.map((step) => `ran ${stepTitle(step)}`);
  lines.push(
    lines.length === 0 ? `nothing to run: schema ${current}` : `schema ${current}${isDryRun ? ' now' : ''}`,
  );
  if (isBlocked) lines.push(failureText(failed));
  else if (stopsAt)
    lines.push(
      `next is ${stepTitle(stopsAt)}: run samserver schema contract when no older release is needed any more`,
    );
  const names = (steps: readonly SchemaStep[]): object[] =>
    steps.map(({ version, name, kind }) => ({ version, name, kind }));
  return {
    exitCode: isBlocked ? EXIT_CODES.FAILURE : EXIT_CODES.OK,
    lines,
    json: {
      current,
      ran: names(ran),
      pending: names(run),
      stopsAt: stopsAt && names([stopsAt])[0],
      failed,
    },
  };
}

function status(io: CommandIo, { json }: SchemaOptions): Promise<ExitCode> {
  return withCommandContext(io, [], async (context) => {
    const state = await context.get(SchemaStateRepository).find();
    const now = await context.get(DatabaseTime).read();
    const view = viewOf(state, SUPPORTED_SCHEMA);
    const { owner, lockedUntil, epoch, steps, failed, contractingTo } = state;
    return printResult(io, json, {
      exitCode: view.fit === 'fits' ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
      lines: statusLines(state, view, now),
      json: {
        ...view,
        lock: { held: owner !== null && lockedUntil > now, owner, until: owner && lockedUntil, epoch },
        steps,
        failed,
        contractingTo,
      },
    });
  });
}

function statusLines(state: SchemaState, view: SchemaView, now: Date): string[] {
  const { min, max } = view.supported;
  const lines = [
    `schema ${state.version}; this release works with ${min} to ${max}: ${view.fit.replace('_', ' ')}`,
    lockLine(state, now),
  ];
  for (const record of state.steps) {
    const end = record.finishedAt ? `done ${record.finishedAt.toISOString()}` : 'begun and not finished';
    lines.push(`${stepTitle(record)}: ${end}, by ${record.owner}`);
  }
  for (const step of MIGRATIONS.filter(({ version }) => version > state.version)) {
    if (!state.steps.some(({ version }) => version === step.version))
      lines.push(`${stepTitle(step)}: pending`);
  }
  if (state.contractingTo !== null) lines.push(`a contract step to ${state.contractingTo} is announced`);
  if (state.failed) lines.push(failureText(state.failed));
  return lines;
}

function lockLine({ owner, lockedUntil }: SchemaState, now: Date): string {
  if (owner === null) return 'lock: free';
  const until = lockedUntil.toISOString();
  return lockedUntil > now
    ? `lock: held by ${owner} until ${until} by the database's clock`
    : `lock: not released by ${owner}, free since ${until} by the database's clock`;
}

function contract(io: CommandIo, { dryRun, json, wait, backup, yes }: ContractOptions): Promise<ExitCode> {
  return withCommandContext(io, [DeploymentRecordsModule], async (context) =>
    printResult(
      io,
      json,
      await schemaContract(
        {
          migrations: context.get(SchemaMigrator),
          signal: io.signal,
          printStatus: (line) => void io.stderr.write(`${line}\n`),
        },
        { isDryRun: dryRun, waitMs: wait, backup, isConfirmed: yes },
        { instances: context.get(InstancesRepository), rollouts: context.get(RolloutRepository) },
      ),
    ),
  );
}

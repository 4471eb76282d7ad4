import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type CommandResult, EXIT_CODES, type ExitCode } from '../core/commands/index.js';
import { type ContractPlan, type SchemaMigrator, type SchemaStep, stepTitle } from '../database/index.js';
import type { InstancesRepository, RolloutRepository } from '../deployment/index.js';
import { BackupDirectory } from './backups/backup-directory.js';
import { isSetName } from './backups/backup-manifest.js';
import { type Backup, contractRefusals, irreversibleStepWarning } from './contract-refusals.js';

/** `mongodump` writes two files for each collection, so this limit is never reached by a real backup. */
const MAX_INSPECTED_FILES = 10_000;

export interface ContractOptions {
  readonly isDryRun: boolean;
  readonly waitMs: number;
  readonly backup?: string;
  readonly isConfirmed: boolean;
}

interface ContractContext {
  readonly migrations: SchemaMigrator;
  readonly signal: AbortSignal;
  /** Prints a line while the command is running. */
  readonly printStatus: (line: string) => void;
}

/** The records that the checks of a contract step read. */
export interface ContractGuards {
  readonly instances: Pick<InstancesRepository, 'findAlive'>;
  readonly rollouts: Pick<RolloutRepository, 'find'>;
}

/**
 * Runs the next contract step unless a check refuses it. The checks run twice: before the announcement, because the
 * announcement keeps other instances from starting, and after it, because then no new instance can appear.
 */
export async function schemaContract(
  { migrations, signal, printStatus }: ContractContext,
  options: ContractOptions,
  { instances, rollouts }: ContractGuards,
): Promise<CommandResult> {
  const plan = await migrations.planContract();
  if (!plan.step) return nothingToDo(plan);
  const refusals = async (step: SchemaStep): Promise<string[]> =>
    contractRefusals({
      step,
      first: plan.first,
      alive: await instances.findAlive(),
      rollout: await rollouts.find(),
      backup: await inspectBackup(options.backup),
      isConfirmed: options.isConfirmed || options.isDryRun,
      nowMs: Date.now(),
    });
  // Only the second check, under the lock, withdraws an announcement that a killed command left.
  if (!plan.isAnnounced || options.isDryRun) {
    const reasons = await refusals(plan.step);
    if (reasons.length > 0) return refused(plan.step, reasons);
  }
  if (options.isDryRun)
    return result(EXIT_CODES.OK, plan.step, `would run ${stepTitle(plan.step)}`, 'planned');
  printStatus(irreversibleStepWarning(plan.step));
  const outcome = await migrations.contract({ signal, waitMs: options.waitMs, refusals });
  if (!outcome) return nothingToDo(await migrations.planContract());
  return outcome.reasons.length > 0
    ? refused(outcome.step, outcome.reasons)
    : result(EXIT_CODES.OK, outcome.step, `ran ${stepTitle(outcome.step)}`, 'done');
}

/**
 * @param path a file, or a directory as `mongodump` writes it; undefined without `--backup`
 * @throws Error when it cannot be read
 */
export async function inspectBackup(path: string | undefined): Promise<Backup> {
  if (path === undefined) return { kind: 'none' };
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (!found) return { kind: 'missing' };
  // A directory of `samserver backup`, or one of its sets: only a complete set counts.
  const madeAtMs = found.isDirectory() ? await newestSetMadeAtMs(path) : null;
  if (madeAtMs !== null)
    return Number.isNaN(madeAtMs) ? { kind: 'empty' } : { kind: 'found', changedAtMs: madeAtMs };
  const files = found.isDirectory() ? await filesIn(path) : [found];
  const changes = files.filter(({ size }) => size > 0).map(({ mtimeMs }) => mtimeMs);
  return changes.length === 0 ? { kind: 'empty' } : { kind: 'found', changedAtMs: Math.max(...changes) };
}

/** Null: no directory of `samserver backup`. NaN: no set in it is complete. */
async function newestSetMadeAtMs(path: string): Promise<number | null> {
  const name = basename(path);
  const directory = new BackupDirectory(isSetName(name) ? dirname(path) : path);
  const sets = isSetName(name) ? [directory.set(name)] : await directory.sets();
  if (sets.length === 0) return null;
  for (const set of sets) if (await set.isComplete()) return Date.parse((await set.manifest()).madeAt);
  return NaN;
}

async function filesIn(directory: string): Promise<{ size: number; mtimeMs: number }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).slice(0, MAX_INSPECTED_FILES);
  return Promise.all(files.map(({ parentPath, name }) => stat(join(parentPath, name))));
}

function result(exitCode: ExitCode, step: SchemaStep, line: string, outcome: string): CommandResult {
  const { version, name } = step;
  return {
    exitCode,
    lines: [line, irreversibleStepWarning(step)],
    json: { result: outcome, step: { version, name } },
  };
}

function refused(step: SchemaStep, reasons: readonly string[]): CommandResult {
  const { version, name } = step;
  return {
    exitCode: EXIT_CODES.FAILURE,
    lines: [`refused: ${stepTitle(step)}`, ...reasons.map((reason) => `  ${reason}`)],
    json: { result: 'refused', step: { version, name }, reasons },
  };
}

function nothingToDo({ current }: ContractPlan): CommandResult {
  return {
    exitCode: EXIT_CODES.OK,
    lines: [`nothing to contract: schema ${current}`],
    json: { result: 'none', current },
  };
}

import { type ContractPlan, type SchemaStep, stepTitle } from '../database/index.js';
import type { InstancesRepository, RolloutRepository } from '../deployment/index.js';
import { inspectBackup } from './database-backup.js';
import { type CommandContext, type CommandResult, EXIT } from './command-runner.js';
import { contractRefusals, irreversibleStepWarning } from './contract-refusals.js';
import type { SchemaOptions } from './schema-options.js';

/** Whom a contract step asks first; `DeploymentRecords` fits. */
export interface ContractGuards {
  readonly instances: Pick<InstancesRepository, 'findAlive'>;
  readonly rollouts: Pick<RolloutRepository, 'find'>;
}

/**
 * Runs the next contract step, unless anything speaks against it. Asked twice: before anything is announced, so that a
 * step that is refused anyway blocks nobody for a moment, and after it, when nobody can slip in any more.
 */
export async function schemaContract(
  { migrations, signal, printStatus }: Pick<CommandContext, 'migrations' | 'signal' | 'printStatus'>,
  options: Pick<SchemaOptions, 'isDryRun' | 'waitMs' | 'backup' | 'isConfirmed'>,
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
  // An announcement that stands, of a command that was killed, is taken back by the second time only.
  if (!plan.isAnnounced || options.isDryRun) {
    const reasons = await refusals(plan.step);
    if (reasons.length > 0) return refused(plan.step, reasons);
  }
  if (options.isDryRun) return answer(EXIT.done, plan.step, `would run ${stepTitle(plan.step)}`, 'planned');
  printStatus(irreversibleStepWarning(plan.step));
  const outcome = await migrations.contract({ signal, waitMs: options.waitMs, refusals });
  if (!outcome) return nothingToDo(await migrations.planContract());
  return outcome.reasons.length > 0
    ? refused(outcome.step, outcome.reasons)
    : answer(EXIT.done, outcome.step, `ran ${stepTitle(outcome.step)}`, 'done');
}

function answer(exitCode: number, step: SchemaStep, line: string, result: string): CommandResult {
  const { version, name } = step;
  return {
    exitCode,
    lines: [line, irreversibleStepWarning(step)],
    json: { result, step: { version, name } },
  };
}

function refused(step: SchemaStep, reasons: readonly string[]): CommandResult {
  const { version, name } = step;
  return {
    exitCode: EXIT.failed,
    lines: [`refused: ${stepTitle(step)}`, ...reasons.map((reason) => `  ${reason}`)],
    json: { result: 'refused', step: { version, name }, reasons },
  };
}

function nothingToDo({ current }: ContractPlan): CommandResult {
  return {
    exitCode: EXIT.done,
    lines: [`nothing to contract: schema ${current}`],
    json: { result: 'none', current },
  };
}

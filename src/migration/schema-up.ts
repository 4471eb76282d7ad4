import { failureText, type SchemaStep, stepTitle, type UpPlan } from '../database/index.js';
import { type CommandContext, type CommandResult, EXIT } from './command-runner.js';
import type { SchemaOptions } from './schema-options.js';

/** Runs the expand steps, the failed one of an earlier run too: that somebody typed this says that it may. */
export async function schemaUp(
  { migrations, signal }: Pick<CommandContext, 'migrations' | 'signal'>,
  { isDryRun, waitMs }: Pick<SchemaOptions, 'isDryRun' | 'waitMs'>,
): Promise<CommandResult> {
  const before = await migrations.planUp();
  if (isDryRun) return answer(before, [], true);
  const ran = await migrations.up({ signal, waitMs, retryFailed: true });
  return answer(await migrations.planUp(), ran, false);
}

function answer(plan: UpPlan, ran: readonly SchemaStep[], isDryRun: boolean): CommandResult {
  const { current, run, stopsAt, failed } = plan;
  // A contract step's failure is none of `up`'s business, and still in the way.
  const isInTheWay = failed !== null && !run.some(({ version }) => version === failed.version);
  const lines = isDryRun
    ? run.map((step) => `would run ${stepTitle(step)}`)
    : ran.map((step) => `ran ${stepTitle(step)}`);
  lines.push(
    lines.length === 0 ? `nothing to run: schema ${current}` : `schema ${current}${isDryRun ? ' now' : ''}`,
  );
  if (isInTheWay) lines.push(failureText(failed));
  else if (stopsAt)
    lines.push(`next is ${stepTitle(stopsAt)}: samserver schema contract, once no older release is needed`);
  const names = (steps: readonly SchemaStep[]): object[] =>
    steps.map(({ version, name, kind }) => ({ version, name, kind }));
  return {
    exitCode: isInTheWay ? EXIT.failed : EXIT.done,
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

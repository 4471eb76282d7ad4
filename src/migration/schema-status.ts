import {
  failureText,
  MIGRATIONS,
  readDatabaseTime,
  type SchemaState,
  SchemaStateRepository,
  type SchemaView,
  stepTitle,
  SUPPORTED_SCHEMA,
  viewOf,
} from '../database/index.js';
import { type CommandContext, type CommandResult, EXIT } from './command-runner.js';

/** The state as it is, and whether this release works with it. */
export async function schemaStatus({
  connection,
}: Pick<CommandContext, 'connection'>): Promise<CommandResult> {
  const repository = new SchemaStateRepository(connection);
  const [state, now] = [await repository.find(), await readDatabaseTime(connection)];
  const view = viewOf(state, SUPPORTED_SCHEMA);
  const { owner, lockedUntil, epoch, steps, failed, contractingTo } = state;
  return {
    exitCode: view.fit === 'fits' ? EXIT.done : EXIT.failed,
    lines: statusLines(state, view, now),
    json: {
      ...view,
      lock: { held: owner !== null && lockedUntil > now, owner, until: owner && lockedUntil, epoch },
      steps,
      failed,
      contractingTo,
    },
  };
}

function statusLines(state: SchemaState, view: SchemaView, now: Date): string[] {
  const { min, max } = view.supported;
  const lines = [
    `schema ${state.version}; this release works with ${min} to ${max}: ${view.fit.replace('_', ' ')}`,
    lockLine(state, now),
  ];
  for (const record of state.steps) {
    const end = record.finishedAt ? `done ${record.finishedAt.toISOString()}` : 'begun and not done';
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
    : `lock: left behind by ${owner}, free since ${until} by the database's clock`;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandIo } from '../../tools/client/index.js';
import { translateStorageError } from '../../database/index.js';
import { VehicleRegister } from '../../vehicles/index.js';
import { type CommandContext, type CommandResult, EXIT, runCommand, UsageError } from '../command-runner.js';
import { UnavailableError } from '../exit-codes.js';
import { type Adoption, AdoptionService } from './adoption.service.js';
import { AdoptionsRepository } from './adoptions.repository.js';
import { ADOPT_USAGE, type AdoptOptions, parseAdoptOptions } from './adopt-options.js';
import { conflictLine, historyLines, planLines, stepLine } from './adopt-report.js';
import { OldCollectionsRepository } from './old-collections.repository.js';

/** `samserver adopt`. @returns the exit code; ADOPT_USAGE lists them */
export async function runAdopt(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const options = parseAdoptOptions(argv);
    if (options === 'help') {
      io.stdout.write(ADOPT_USAGE);
      return EXIT.done;
    }
    return await runCommand(io, options.isJson, async (context) => {
      await assertSchema(context);
      const old = new OldCollectionsRepository(context.connection);
      const adopter = new AdoptionService(
        old,
        new VehicleRegister(context.connection),
        new AdoptionsRepository(context.connection),
        options.types,
      );
      if (options.isDryRun) return show(adopter, old);
      const first = await adopter.adopt(context.signal);
      if (options.isFollowing) await follow(adopter, first, options, context, io);
      return answer(first, old, options.isFollowing);
    });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.stderr.write(`${error.message} (--help tells more)\n`);
    return EXIT.usage;
  }
}

/** The evaluation database's schema follows by itself; any other is brought forward by who means to. */
async function assertSchema({ migrations, settings, signal }: CommandContext): Promise<void> {
  if (settings.schema.onStart === 'up') await migrations.up({ signal, retryFailed: false });
  else if ((await migrations.planUp()).run.length > 0)
    throw new UnavailableError("the database's schema is behind: samserver schema up");
}

async function show(adopter: AdoptionService, old: OldCollectionsRepository): Promise<CommandResult> {
  const plan = await adopter.plan();
  const history = await old.sampleHistory();
  return {
    exitCode: plan.conflicts.length > 0 ? EXIT.failed : EXIT.done,
    lines: [
      ...plan.steps.map((step) => stepLine(step, 'planned')),
      ...plan.conflicts.map(conflictLine),
      ...planLines(plan),
      ...historyLines(history),
    ],
    json: { result: 'planned', ...plan, history },
  };
}

async function answer(
  { plan, done, conflicts }: Adoption,
  old: OldCollectionsRepository,
  hasFollowed: boolean,
): Promise<CommandResult> {
  const history = await old.sampleHistory();
  const { renamed, unchanged, deleted } = plan;
  return {
    exitCode: conflicts.length > 0 && !hasFollowed ? EXIT.failed : EXIT.done,
    lines: [
      ...(hasFollowed ? ['followed until it was interrupted; at the beginning:'] : []),
      ...done.map((step) => stepLine(step, 'done')),
      ...conflicts.map(conflictLine),
      ...planLines(plan),
      ...historyLines(history),
    ],
    json: { result: 'done', done, conflicts, renamed, unchanged, deleted, history },
  };
}

/** Until it is interrupted, which is its ordinary end. What has been said once is not said again. */
async function follow(
  adopter: AdoptionService,
  first: Adoption,
  { everyMs, isJson }: AdoptOptions,
  { signal, printStatus }: CommandContext,
  io: CommandIo,
): Promise<void> {
  const reported = new Set<string>();
  const printChanges = ({ done, conflicts }: Adoption): void => {
    const fresh = conflicts.filter((conflict) => !reported.has(conflictLine(conflict)));
    fresh.forEach((conflict) => reported.add(conflictLine(conflict)));
    if (done.length === 0 && fresh.length === 0) return;
    if (isJson) io.stdout.write(`${JSON.stringify({ result: 'followed', done, conflicts: fresh })}\n`);
    else [...done.map((step) => stepLine(step, 'done')), ...fresh.map(conflictLine)].forEach(printStatus);
  };
  printChanges(first);
  printStatus(`following; looking every ${everyMs / 1_000} s`);
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      printChanges(await adopter.adopt(signal));
    } catch (error) {
      if (signal.aborted) return;
      // It is there to stay: an outage is waited out.
      if (!translateStorageError(error)) throw error;
      printStatus(`the database does not answer: ${(error as Error).message}`);
    }
  }
}

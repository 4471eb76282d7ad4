import { CommandError, EXIT_CODES, InterruptedError } from '../../core/commands/index.js';
import type { MoveJournal } from '../shift/move-journal.js';
import type { CompleteContext, CompleteStep } from './complete-context.js';
import { COMPLETE_STEPS } from './complete-steps.js';

/** The one way on and the one way back after a failure. */
export const NEXT_STEPS = [
  'on: run the same command again; it continues where it stopped',
  'back to the old server: samserver shift rollback',
] as const;

/**
 * Runs the steps of `complete`. Each one looks first whether it is done, so the command can be killed and run again.
 * @throws CommandError of the step that failed, with the way on and the way back
 */
export async function runComplete(
  journal: MoveJournal,
  context: CompleteContext,
  steps: readonly CompleteStep[] = COMPLETE_STEPS,
): Promise<void> {
  for (const step of steps) {
    const { name, text } = step;
    if (context.io.signal.aborted)
      throw new InterruptedError(
        `complete ends before ${name}, by a signal or for a rollback of another terminal`,
      );
    try {
      if (await step.isDone?.(context)) {
        context.say(`${name}: is done`);
        continue;
      }
      context.say(`${name}: ${text}`);
      await journal.step('complete', name, async () => {
        const detail = await step.run(context);
        if (step.isDone && !(await step.isDone(context)))
          throw new CommandError('it ran, and it is not done', EXIT_CODES.FAILURE);
        return detail;
      });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new CommandError(
        [`complete/${name}: ${error.message}`, ...NEXT_STEPS].join('\n'),
        error instanceof CommandError ? error.exitCode : EXIT_CODES.FAILURE,
        { cause: error },
      );
    }
  }
}

/**
 * The way back: undoes all steps in reverse order, whether they ran or not. Afterwards the old server runs, has the role, and
 * the front door is as before the first step. Can be repeated.
 * @param journal null: it cannot be read or written
 * @throws CommandError of the step that failed
 */
export async function undoComplete(
  journal: MoveJournal | null,
  context: CompleteContext,
  steps: readonly CompleteStep[] = COMPLETE_STEPS,
): Promise<void> {
  for (const { name, undo, undoText } of [...steps].reverse()) {
    if (!undo) continue;
    context.say(`undo ${name}: ${undoText ?? ''}`);
    try {
      if (journal === null) await undo(context);
      else await journal.step('rollback', `undo-${name}`, () => undo(context));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new CommandError(
        [`undo ${name}: ${error.message}`, 'run the same command again: samserver shift rollback'].join('\n'),
        error instanceof CommandError ? error.exitCode : EXIT_CODES.FAILURE,
        { cause: error },
      );
    }
  }
}

/** For `--dry-run`. */
export function completePlan(steps: readonly CompleteStep[] = COMPLETE_STEPS): readonly string[] {
  return [
    'would do, each step after a look whether it is done:',
    ...steps.map(({ name, text }, n) => `${n + 1}. ${name}: ${text}`),
    'the way back (samserver shift rollback) would do:',
    ...[...steps]
      .reverse()
      .flatMap(({ name, undoText }) => (undoText === null ? [] : [`- ${name}: ${undoText}`])),
  ];
}

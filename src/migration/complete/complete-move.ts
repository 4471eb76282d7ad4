import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { assertNextPhase } from '../shift/move-phases.js';
import type { MoveJournal } from '../shift/move-journal.js';
import type { CompleteContext } from './complete-context.js';
import { runComplete } from './run-complete.js';

/**
 * Enters the phase `complete`, or continues it, and ends in `done`.
 * @param closedGates a line for each gate that is not open; looked at before the phase is entered
 * @throws CommandError in another phase, or of the step that failed
 */
export async function completeMove(
  journal: MoveJournal,
  context: CompleteContext,
  closedGates: () => Promise<readonly string[]>,
): Promise<void> {
  const { phase, rollingBackBecause } = journal.state;
  if (rollingBackBecause !== null)
    throw new CommandError(
      `a rollback is under way (${rollingBackBecause}): samserver shift rollback`,
      EXIT_CODES.FAILURE,
    );
  if (phase !== 'complete') {
    assertNextPhase(phase, 'complete');
    const closed = await closedGates();
    if (closed.length > 0)
      throw new CommandError(
        ['phase complete was not entered, and nothing was changed:', ...closed].join('\n'),
        EXIT_CODES.FAILURE,
      );
    await journal.append({ kind: 'phase.entered', phase: 'complete', why: `by ${context.by}` });
  }
  await runComplete(journal, context);
  await journal.append({ kind: 'phase.entered', phase: 'done', why: 'all steps of complete are done' });
}

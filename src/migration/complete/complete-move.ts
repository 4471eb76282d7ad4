import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { assertNextPhase } from '../shift/move-phases.js';
import type { MoveJournal } from '../shift/move-journal.js';
import type { CompleteContext } from './complete-context.js';
import { runComplete } from './run-complete.js';

/**
 * Enters the phase `complete`, or continues it, and ends in `done`.
 * @throws CommandError in another phase, or of the step that failed
 */
export async function completeMove(journal: MoveJournal, context: CompleteContext): Promise<void> {
  const { phase, rollingBackBecause, heldBecause, analysis } = journal.state;
  if (rollingBackBecause !== null)
    throw new CommandError(
      `a rollback is under way (${rollingBackBecause}): samserver shift rollback`,
      EXIT_CODES.FAILURE,
    );
  if (phase !== 'complete') {
    assertNextPhase(phase, 'complete');
    const against =
      heldBecause ??
      (analysis && analysis.verdict !== 'good' ? `${analysis.verdict}: ${analysis.why}` : null);
    if (against !== null)
      throw new CommandError(
        `the move is held, or its analysis is not good (${against}): samserver shift resume`,
        EXIT_CODES.FAILURE,
      );
    await journal.append({ kind: 'phase.entered', phase: 'complete', why: `by ${context.by}` });
  }
  await runComplete(journal, context);
  await journal.append({ kind: 'phase.entered', phase: 'done', why: 'all steps of complete are done' });
}

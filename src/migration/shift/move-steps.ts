import type { Detail, StepPhase } from './move-events.js';
import type { MoveJournal } from './move-journal.js';
import { stepKey } from './move-state.js';

/** One action of a phase. */
export interface MoveStep<Context> {
  /** Unique in its phase; it is in the journal. */
  readonly name: string;
  /** What it does, for `--dry-run` and `status`. */
  readonly text: string;
  /**
   * Acts, verifies the result, and can be repeated without harm.
   * @returns figures for the journal
   * @throws Error: the next steps do not run
   */
  run(context: Context): Promise<Detail | void>;
}

/** Runs those steps that the journal does not record as done in this phase. Stops at the first one that fails. */
export async function runSteps<Context>(
  journal: MoveJournal,
  phase: StepPhase,
  steps: readonly MoveStep<Context>[],
  context: Context,
  say: (line: string) => void,
): Promise<void> {
  for (const step of steps) {
    if (journal.state.stepsDone.includes(stepKey(phase, step.name))) continue;
    say(`${phase}: ${step.text}`);
    await journal.step(phase, step.name, () => step.run(context));
  }
}

import { type CommandIo, type CommandResult, EXIT_CODES } from '../../core/commands/index.js';
import {
  completeContext,
  completeMove,
  completePlan,
  type OldServerOptions,
  undoComplete,
} from '../complete/index.js';
import { type FrontDoorPlan, recordedPlan } from '../front-door/index.js';
import type { MoveJournal } from './move-journal.js';
import { closedGatesToComplete } from './complete-gates.js';
import { gatesTo } from './gates.js';
import { isBlueAtStake } from './move-phases.js';
import { RequestWatcher } from './request-watcher.js';
import { copyToRollout } from './rollout-copy.js';
import { ShiftContext } from './shift-context.js';
import type { ActingOptions } from './shift-options.js';
import { withMove } from './shift-session.js';

export type CompleteOptions = ActingOptions &
  OldServerOptions & { readonly skip: readonly string[]; readonly dryRun: boolean };

export function completionPlan({ skip }: Pick<CompleteOptions, 'skip'>): CommandResult {
  const gates = gatesTo('complete', 'soak', skip).map(({ name }) => name);
  const lines = [`would look at: ${gates.join(', ')}`, ...completePlan()];
  return { exitCode: EXIT_CODES.OK, lines, json: { isDryRun: true, lines } };
}

/** @throws CommandError of the step that failed, with the way on and the way back */
export async function completeNow(io: CommandIo, options: CompleteOptions): Promise<CommandResult> {
  const { by, why, directory } = options;
  const state = options.state ?? directory;
  return withMove({ io, stateDirectory: state, command: 'complete', by, why }, async (journal) => {
    const startMs = performance.now();
    const say = (line: string): void => void io.stderr.write(`${line}\n`);
    const given = { ...options, state, frontDoor: directory };
    // A rollback of another terminal waits for the end of the present step, so that no step acts after it.
    const requests = new RequestWatcher(state, journal, ({ kind }) => kind === 'rollback');
    const signal = AbortSignal.any([io.signal, requests.signal]);
    const context = await completeContext({ ...io, signal }, given, say, () => journal.assertOwner());
    await requests.start();
    try {
      const shift = new ShiftContext({ ...io, signal }, directory, state, journal, by, say);
      await completeMove(journal, context, () => closedGatesToComplete(shift, options.skip));
    } finally {
      await requests.stop();
    }
    await copyToRollout(new ShiftContext(io, directory, state, journal, by, say), 'done', why);
    const ms = Math.round(performance.now() - startMs);
    return {
      exitCode: EXIT_CODES.OK,
      lines: [`done after ${ms} ms: Samserver is alone. Later: samserver decommission`],
      json: { result: 'done', ms },
    };
  });
}

/**
 * Before an ordinary rollback: the old server runs and has the role again, when `complete` has begun. Otherwise nothing.
 * @param journal null: it cannot be read or written
 * @returns the plan with the old server, when `complete` had noted it; null: `complete` has not begun
 * @throws CommandError of the step that failed
 */
export async function undoCompleteIfBegun(
  io: CommandIo,
  options: ActingOptions & OldServerOptions,
  journal: MoveJournal | null,
): Promise<FrontDoorPlan | null> {
  const { directory, why } = options;
  const plan = await recordedPlan(directory).catch(() => null);
  if (!isBlueAtStake(journal?.state.phase ?? null) && plan?.blue !== null) return null;
  // A rollback that has begun is not interrupted.
  const steady = { ...io, signal: new AbortController().signal };
  const say = (line: string): void => void io.stderr.write(`rollback: ${line}\n`);
  const given = { ...options, state: options.state ?? directory, frontDoor: directory };
  const context = await completeContext(steady, given, say, async () => journal?.assertOwner());
  await journal?.append({ kind: 'rollback.started', why });
  await undoComplete(journal, context);
  return context.noted?.plan ?? null;
}

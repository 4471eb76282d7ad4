import type { CommandIo } from '../../core/commands/index.js';
import type { FrontDoorPlan } from '../front-door/front-door-plan.js';
import type { Pm2Control } from '../old-server/index.js';
import type { Detail, MoveRecord } from '../shift/move-events.js';
import type { GreenOps } from './green-ops.js';
import type { WayBack } from './way-back.js';

/** What the first step notes while the old server (blue) runs; later steps and the way back need it. */
export interface NotedBefore {
  /** In front of the stop, with blue. */
  readonly plan: FrontDoorPlan;
  /** Absolute path of blue's script. */
  readonly script: string;
  /** Panels on both servers. */
  readonly panels: number;
}

export interface CompleteContext {
  readonly io: CommandIo;
  /** A person or a tool, for the history of the role. */
  readonly by: string;
  /** Directory of the front door. */
  readonly frontDoor: string;
  readonly pm2: Pm2Control;
  readonly green: GreenOps;
  readonly wayBack: WayBack;
  readonly say: (line: string) => void;
  /** @throws MoveTakenOverError when another command works on this move now */
  readonly assertOwner: () => Promise<void>;
  noted: NotedBefore | null;
}

export const NOTE_STEP = 'note';

/** What the last run of the first step has noted in this move; null without one. */
export function notedBefore(records: readonly MoveRecord[]): NotedBefore | null {
  const start = records.findLastIndex(({ kind }) => kind === 'move.started');
  const noted = records
    .slice(start + 1)
    .findLast((record) => record.kind === 'step.done' && record.step === NOTE_STEP);
  if (noted?.kind !== 'step.done') return null;
  const { plan, script, panels } = noted.detail as Partial<NotedBefore>;
  return plan === undefined || script === undefined || panels === undefined ? null : { plan, script, panels };
}

/** One action of `complete`. */
export interface CompleteStep {
  /** Unique; it is in the journal. */
  readonly name: string;
  /** What it does, for `--dry-run` and the output. */
  readonly text: string;
  /** What the way back does; null: nothing. */
  readonly undoText: string | null;
  /** Looks at the servers, not at the journal: a reboot can undo a step. Absent: the step runs each time. */
  readonly isDone?: (context: CompleteContext) => Promise<boolean>;
  /** Can be repeated after a kill. @returns figures for the journal @throws CommandError */
  readonly run: (context: CompleteContext) => Promise<Detail>;
  /** Can be repeated, also when `run` never ran. */
  readonly undo?: (context: CompleteContext) => Promise<Detail>;
}

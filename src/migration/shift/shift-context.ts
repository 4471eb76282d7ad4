import { CommandError, type CommandIo, EXIT_CODES } from '../../core/commands/index.js';
import {
  applyPlan,
  assertPlan,
  DEFAULT_PLAN,
  type FrontDoorPlan,
  recordedPlan,
} from '../front-door/index.js';
import { GreenClient } from './green-client.js';
import type { Detail } from './move-events.js';
import type { MoveJournal } from './move-journal.js';
import { opsTokenOf } from './ops-token.js';

/** What the steps of a move work with. */
export class ShiftContext {
  constructor(
    readonly io: CommandIo,
    /** Of the front door. */
    readonly directory: string,
    /** Of the journal. */
    readonly stateDirectory: string,
    readonly journal: MoveJournal,
    /** A person or a tool. */
    readonly by: string,
    readonly say: (line: string) => void,
  ) {}

  /** What nginx's include says, because it decides. */
  async plan(): Promise<FrontDoorPlan> {
    return (await recordedPlan(this.directory)) ?? { ...DEFAULT_PLAN, directory: this.directory };
  }

  /** @throws CommandError when the plan has no green, or without the ops token */
  async green(): Promise<GreenClient> {
    const { green } = await this.plan();
    if (green === null)
      throw new CommandError(
        'the front door has no green: samserver front-door apply --green …',
        EXIT_CODES.FAILURE,
      );
    return new GreenClient(`http://${green.http}`, await opsTokenOf(this.io.env));
  }

  /**
   * Puts the changed plan in force, unless another command has taken the move over.
   * @throws CommandError with what nginx says; the former plan is in force then
   */
  async apply(change: Partial<FrontDoorPlan>, secretFile?: string): Promise<Detail> {
    const plan = { ...(await this.plan()), ...change };
    assertPlan(plan);
    const { exitCode, lines } = await applyPlan(this.io, plan, {
      isDryRun: false,
      secretFile,
      assertAllowed: () => this.journal.assertOwner(),
    });
    if (exitCode !== EXIT_CODES.OK) throw new CommandError(lines.join('\n'), exitCode);
    const { share, isMirrorOn } = plan;
    return { share, isMirrorOn };
  }
}

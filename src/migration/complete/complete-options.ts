import type { Command } from 'commander';
import { join, resolve } from 'node:path';
import { CommandError, type CommandIo, EXIT_CODES } from '../../core/commands/index.js';
import { recordedPlan } from '../front-door/front-door-actions.js';
import { Pm2Control } from '../old-server/index.js';
import { MoveJournal } from '../shift/move-journal.js';
import { opsTokenOf } from '../shift/ops-token.js';
import { type CompleteContext, notedBefore } from './complete-context.js';
import { GreenOps } from './green-ops.js';
import { WayBack } from './way-back.js';

export interface OldServerOptions {
  readonly pm2Home?: string;
  readonly pm2: string;
  readonly process: string;
}

/** The same options as those of `preflight`. */
export function addOldServerOptions(command: Command): Command {
  return command
    .option('--pm2-home <dir>', 'PM2_HOME of the old server (default: PM2_HOME, else ~/.pm2)')
    .option('--pm2 <program>', 'the program pm2', 'pm2')
    .option('--process <name>', 'name of the old server in PM2', 'tracking');
}

export function pm2Of(io: CommandIo, { pm2Home, pm2, process }: OldServerOptions): Pm2Control {
  const { env, signal } = io;
  return new Pm2Control({
    home: resolve(pm2Home ?? env['PM2_HOME'] ?? join(env['HOME'] ?? '/', '.pm2')),
    program: pm2,
    path: env['PATH'] ?? '/usr/bin:/bin',
    process,
    signal,
  });
}

export interface CompleteOptions extends OldServerOptions {
  /** Directory of the front door. */
  readonly frontDoor: string;
  /** Directory of the journal. */
  readonly state: string;
  readonly by: string;
}

/** @throws CommandError without OPS_TOKEN or a front door */
export async function completeContext(
  io: CommandIo,
  options: CompleteOptions,
  say: (line: string) => void,
  assertOwner: () => Promise<void> = () => Promise.resolve(),
): Promise<CompleteContext> {
  const plan = await recordedPlan(options.frontDoor);
  const green = plan?.green ?? null;
  if (green === null)
    throw new CommandError(
      `${options.frontDoor} has no front door with Samserver (samserver front-door status)`,
      EXIT_CODES.UNAVAILABLE,
    );
  const token = await opsTokenOf(io.env);
  return {
    io,
    by: options.by,
    frontDoor: options.frontDoor,
    pm2: pm2Of(io, options),
    green: new GreenOps(`http://${green.http}`, token, io.signal),
    wayBack: new WayBack(options.state),
    say,
    assertOwner,
    // A journal that cannot be read must not prevent the way back.
    noted: notedBefore(await MoveJournal.read(options.state).catch(() => [])),
  };
}

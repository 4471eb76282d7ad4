import {
  CommandError,
  type CommandIo,
  type DefineCommand,
  EXIT_CODES,
  type ExitCode,
  exitCodesHelp,
  numberArgument,
  printResult,
} from '../../core/commands/index.js';
import { DEFAULT_PLAN } from '../front-door/front-door-plan.js';
import { MoveJournal } from '../shift/move-journal.js';
import { acquireMoveLock } from '../shift/move-lock.js';
import { foldMove } from '../shift/move-state.js';
import { addOldServerOptions, completeContext, type OldServerOptions } from './complete-options.js';
import { decommission, DECOMMISSION_PLAN } from './decommission.js';
import { WayBack } from './way-back.js';

interface Options extends OldServerOptions {
  readonly directory: string;
  readonly state?: string;
  readonly evidence: string;
  readonly soakH: number;
  readonly forgetWayBack: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** `samserver decommission` */
export const decommissionCommand: DefineCommand = (command, io, setExitCode) => {
  addOldServerOptions(command)
    .description(
      'Takes the old server out of PM2 and of the start of the machine, after the move is done. First it copies the evidence of ' +
        'what ran. It deletes no file of the old server and touches no other application; samserver shift rollback brings ' +
        'the old server back until --forget-way-back.',
    )
    .option('--directory <dir>', 'the directory of the front door', DEFAULT_PLAN.directory)
    .option('--state <dir>', 'the directory of the journal of the move (default: that of --directory)')
    .option('--evidence <dir>', 'for the evidence', '/var/lib/samserver/evidence')
    .option('--soak-h <n>', 'hours since the end of the move', numberArgument(0, 10_000, false), 72)
    .option(
      '--forget-way-back',
      'delete what PM2 needs to have the old server again, and nothing else',
      false,
    )
    .option('--dry-run', 'print what would be done', false)
    .option('--json', 'print one JSON object on stdout', false)
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'done',
        FAILURE: 'the move is not done, or a step failed; run the command again',
        USAGE: 'wrong usage',
        UNAVAILABLE: 'Samserver, PM2 or the front door does not answer',
        IO: 'a file cannot be read or written',
        TEMPORARY_FAILURE: 'another command works on the move',
        NO_PERMISSION: 'root is needed',
        CONFIG: 'wrong settings',
        INTERRUPTED: 'interrupted; run the command again',
      }),
    )
    .action(async (options: Options) => setExitCode(await run(io, options)));
};

async function run(io: CommandIo, options: Options): Promise<ExitCode> {
  const print = (lines: readonly string[], more: object = {}): ExitCode =>
    printResult(io, options.json, { exitCode: EXIT_CODES.OK, lines, json: { lines, ...more } });
  if (options.dryRun) return print(DECOMMISSION_PLAN, { isDryRun: true });
  const state = options.state ?? options.directory;
  const lock = await acquireMoveLock(state);
  if (lock === null)
    throw new CommandError('another command works on this move', EXIT_CODES.TEMPORARY_FAILURE);
  try {
    const context = await completeContext(
      io,
      { ...options, state, frontDoor: options.directory, by: 'decommission' },
      (line) => io.stderr.write(`${line}\n`),
    );
    if (options.forgetWayBack) {
      if ((await context.pm2.processes()).length > 0)
        throw new CommandError(
          'the old server is still under PM2: decommission it first',
          EXIT_CODES.FAILURE,
        );
      const { path } = new WayBack(state);
      await context.wayBack.forget();
      return print([`${path} is deleted: samserver shift rollback cannot start the old server any more`]);
    }
    return print(await decommission(context, { ...options, state }, foldMove(await MoveJournal.read(state))));
  } finally {
    await lock.release();
  }
}

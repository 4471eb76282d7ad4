import { randomUUID } from 'node:crypto';
import { Option } from 'commander';
import {
  CommandError,
  type CommandIo,
  type CommandResult,
  type DefineCommand,
  EXIT_CODES,
  exitCodesHelp,
  printResult,
  UsageError,
} from '../../core/commands/index.js';
import { addOldServerOptions, type OldServerOptions } from '../complete/index.js';
import { gatesTo } from './gates.js';
import type { MoveJournal } from './move-journal.js';
import {
  assertNextPhase,
  isBlueAtStake,
  type MovePhase,
  SHIFT_TARGETS,
  type ShiftTarget,
} from './move-phases.js';
import { settingsDetail } from './move-settings.js';
import { type PhaseOptions, stepsTo } from './phase-steps.js';
import { type CompleteOptions, completeNow, completionPlan, undoCompleteIfBegun } from './shift-complete.js';
import { RequestWatcher } from './request-watcher.js';
import { rollBack } from './rollback.js';
import { ShiftContext } from './shift-context.js';
import {
  acting,
  type ActingOptions,
  common,
  type CommonOptions,
  listArgument,
  moveSettings,
  running,
  type RunningOptions,
  skipping,
  starting,
  type StartOptions,
} from './shift-options.js';
import { ShiftRun } from './shift-run.js';
import { askOrAct, withMove } from './shift-session.js';
import { shiftReport } from './shift-report.js';
import { shiftStatus } from './shift-status.js';

/** `samserver shift start|to|status|report|hold|resume|complete|rollback` */
export const shiftCommand: DefineCommand = (command, io, setExitCode) => {
  const print = (options: CommonOptions, result: CommandResult): void =>
    setExitCode(printResult(io, options.json, result));
  command
    .description(
      'Moves the clients of the old server (blue) to Samserver (green), phase by phase: shadow, one, half, all, soak. It looks ' +
        'at both servers once a second and goes back by itself when green alone fails. docs/shift.md describes it.',
    )
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'done; status: the move is as its journal says, and is watched',
        FAILURE: 'a gate refuses, a step failed, or the move was rolled back',
        USAGE: 'wrong usage',
        UNAVAILABLE: 'nginx does not run, or a program is missing',
        IO: 'the journal or a file of nginx cannot be written',
        TEMPORARY_FAILURE: 'another shift command is at work, or has taken the move over',
        NO_PERMISSION: 'root is needed',
        INTERRUPTED: 'interrupted; the phase stays, and no command watches it',
      }),
    );

  starting(command.command('start'))
    .description('Begins a move: writes rollback.sh, mirrors all posts to green (phase shadow), and watches.')
    .action(async (options: StartOptions) =>
      print(
        options,
        await run(io, options, 'start', 'shadow', { mirrorSecretFile: options.mirrorSecretFile }),
      ),
    );

  running(command.command('to'), 'operator')
    .description('Enters the next phase when its gates are open, and watches.')
    .argument('<phase>', SHIFT_TARGETS.join(', '), (text: string) => targetArgument(text))
    .addOption(
      new Option('--box-addresses <list>', 'addresses whose posts go to green in phase one').argParser(
        listArgument,
      ),
    )
    .action(
      async (phase: ShiftTarget, options: RunningOptions & { readonly boxAddresses?: readonly string[] }) =>
        print(options, await run(io, options, `to ${phase}`, phase, { boxAddresses: options.boxAddresses })),
    );

  running(command.command('resume'), 'operator')
    .description('Ends a hold, continues what a kill or a reboot has interrupted, and watches.')
    .action(async (options: RunningOptions) => print(options, await run(io, options, 'resume', null, {})));

  common(command.command('status'))
    .description('Shows the phase, what it waits for, both servers and the last events.')
    .action(async (options: CommonOptions) =>
      print(options, await shiftStatus(io, options.directory, stateDirectory(options))),
    );

  common(command.command('report'))
    .description(
      'Writes one HTML file about the last move: phases, figures of both servers, who did what, success criteria.',
    )
    .option('--output <file>', 'the file', 'shift-report.html')
    .action(async (options: CommonOptions & { readonly output: string }) =>
      print(options, await shiftReport(io, options.directory, stateDirectory(options), options.output)),
    );

  acting(command.command('hold'), 'operator')
    .description('No further phase is entered until `resume`. A fault of green still rolls back.')
    .action(async (options: ActingOptions) => print(options, await hold(io, options)));

  addOldServerOptions(skipping(acting(command.command('complete'), 'operator')))
    .description(
      'After the soak, when the gates are open: stops the old server under PM2, gives Samserver the role, and lets nginx take ports 5000 and 5050. It can ' +
        'be killed and run again at any moment.',
    )
    .option('--dry-run', 'print the steps and the way back; change nothing', false)
    .action(async (options: CompleteOptions) =>
      print(options, options.dryRun ? completionPlan(options) : await completeNow(io, options)),
    );

  addOldServerOptions(acting(command.command('rollback'), 'operator'))
    .description(
      'Sends all clients to blue, from any state, also while another shift command runs. After complete it starts blue first.',
    )
    .option('--force', 'also when blue does not answer', false)
    .option('--dry-run', 'print what would be done', false)
    .action(async (options: RollbackCommandOptions & { readonly dryRun: boolean }) =>
      print(options, options.dryRun ? ROLLBACK_PLAN : await rollbackNow(io, options)),
    );
};

type RollbackCommandOptions = ActingOptions & OldServerOptions & { readonly force: boolean };

const stateDirectory = ({ state, directory }: CommonOptions): string => state ?? directory;

async function run(
  io: CommandIo,
  options: RunningOptions,
  command: string,
  phase: Exclude<MovePhase, 'complete' | 'done' | 'rolled-back'> | null,
  phaseOptions: PhaseOptions,
): Promise<CommandResult> {
  if (options.dryRun) return phasePlan(phase, phaseOptions, options);
  const { by, why, directory } = options;
  const session = { io, stateDirectory: stateDirectory(options), command, by, why };
  return withMove(session, async (journal) => {
    await begin(journal, phase, phaseOptions, options);
    // The watcher exists before the run, and asks it.
    let shift: ShiftRun | null = null;
    const requests = new RequestWatcher(
      session.stateDirectory,
      journal,
      ({ kind }) => kind !== 'yield' || shift?.isOnlyWatching === true,
    );
    const signal = AbortSignal.any([io.signal, requests.signal]);
    const say = (line: string): void => void io.stderr.write(`${line}\n`);
    const context = new ShiftContext({ ...io, signal }, directory, session.stateDirectory, journal, by, say);
    await requests.start();
    try {
      if (journal.state.rollingBackBecause !== null)
        return await rollBack(context, { why: journal.state.rollingBackBecause, isForced: false });
      shift = new ShiftRun(
        context,
        { skip: options.skip, waitS: options.wait, isUntilGood: options.untilGood, why },
        () => requests.next(),
        io.signal,
      );
      return await shift.run();
    } finally {
      await requests.stop();
    }
  });
}

/** Records what the command aims at. @throws CommandError when the phase cannot follow */
async function begin(
  journal: MoveJournal,
  phase: MovePhase | null,
  phaseOptions: PhaseOptions,
  options: RunningOptions,
): Promise<void> {
  const { state } = journal;
  const { why } = options;
  // Its rollback starts the old server first, which `samserver shift rollback` alone does.
  if (isBlueAtStake(state.phase))
    throw new CommandError(
      state.rollingBackBecause === null
        ? `phase ${state.phase} is not watched: samserver shift complete continues it, samserver shift rollback goes back`
        : `a rollback is under way (${state.rollingBackBecause}): samserver shift rollback`,
      EXIT_CODES.FAILURE,
    );
  if (phase === null) {
    // `resume` without a move has nothing to continue.
    if (state.move === null || state.phase === 'rolled-back') assertNextPhase(state.phase, 'soak');
    if (state.heldBecause !== null) await journal.append({ kind: 'resumed', why });
    return;
  }
  if (state.rollingBackBecause !== null) return;
  // A `start` or `to` that was killed can be given again.
  if (!(state.phase === phase && state.target === null) || phase === 'shadow')
    assertNextPhase(state.phase, phase);
  if (phase === 'shadow') {
    const detail = settingsDetail(moveSettings(options as StartOptions));
    await journal.append({ kind: 'move.started', move: randomUUID(), why, detail });
  }
  if (state.phase !== phase)
    await journal.append({ kind: 'target', phase, why, detail: { ...phaseOptions } });
}

async function hold(io: CommandIo, options: ActingOptions): Promise<CommandResult> {
  const { by, why } = options;
  const session = { io, stateDirectory: stateDirectory(options), command: 'hold', by, why };
  return askOrAct(
    session,
    'hold',
    ({ heldBecause }) => (heldBecause === null ? null : 'done'),
    async (journal) => {
      await journal?.append({ kind: 'held', why });
      return { exitCode: EXIT_CODES.OK, lines: [`held: ${why}`], json: { result: 'held', why } };
    },
    ({ phase }) => {
      if (!isBlueAtStake(phase)) return;
      throw new CommandError(
        `phase ${phase} cannot be held: a complete that is at work must not be cut. samserver shift rollback goes back`,
        EXIT_CODES.FAILURE,
      );
    },
  );
}

async function rollbackNow(io: CommandIo, options: RollbackCommandOptions): Promise<CommandResult> {
  const { by, why, directory, force } = options;
  const session = { io, stateDirectory: stateDirectory(options), command: 'rollback', by, why };
  const say = (line: string): void => void io.stderr.write(`${line}\n`);
  return askOrAct(
    session,
    'rollback',
    ({ phase }, since) => {
      if (phase === 'rolled-back') return 'done';
      return since.some(({ kind }) => kind === 'rollback.refused') ? 'refused' : null;
    },
    async (journal) => {
      const planWithBlue = await undoCompleteIfBegun(io, options, journal);
      return rollBack(
        { io, directory, stateDirectory: session.stateDirectory, journal, by, say },
        { why, isForced: force, planWithBlue },
      );
    },
  );
}

function phasePlan(
  phase: Exclude<MovePhase, 'complete' | 'done' | 'rolled-back'> | null,
  phaseOptions: PhaseOptions,
  { skip }: RunningOptions,
): CommandResult {
  const gates = phase === null ? [] : gatesTo(phase, null, skip).map(({ name }) => name);
  const steps = phase === null ? [] : stepsTo(phase, phaseOptions).map(({ name, text }) => ({ name, text }));
  return {
    exitCode: EXIT_CODES.OK,
    lines: [
      ...(phase === null ? ['would continue as the journal says'] : [`would wait for: ${gates.join(', ')}`]),
      ...steps.map(({ text }) => `would do: ${text}`),
      'would watch both servers',
    ],
    json: { isDryRun: true, phase, gates, steps },
  };
}

const ROLLBACK_PLAN: CommandResult = {
  exitCode: EXIT_CODES.OK,
  lines: [
    'would wait up to 2 s until green has passed its posts on to blue',
    'would turn the redirect off and send everything in nginx to blue alone',
    'would close the sockets of green, wait up to 10 s for the rest, and write the rollout record',
  ],
  json: { isDryRun: true, steps: ['owed', 'http', 'sockets', 'rest'] },
};

function targetArgument(text: string): ShiftTarget {
  const target = SHIFT_TARGETS.find((each) => each === text);
  if (target === undefined)
    throw new UsageError(`${text} is no phase to shift to; these are: ${SHIFT_TARGETS.join(', ')}`);
  return target;
}

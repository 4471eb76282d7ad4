import { type CommandIo, type CommandResult, EXIT_CODES, printable } from '../../core/commands/index.js';
import { DEFAULT_PLAN, NginxControl, programRunner, recordedPlan, summary } from '../front-door/index.js';
import { GreenClient } from './green-client.js';
import { MoveJournal } from './move-journal.js';
import { acquireMoveLock } from './move-lock.js';
import { foldMove, type MoveState } from './move-state.js';
import { opsTokenOf } from './ops-token.js';
import { shareOf } from './phase-steps.js';

const LAST_EVENTS = 10;

/** Where the move is, by the journal, the include, nginx and green. */
export async function shiftStatus(
  io: CommandIo,
  directory: string,
  stateDirectory: string,
): Promise<CommandResult> {
  const records = await MoveJournal.read(stateDirectory);
  const state = foldMove(records);
  const plan = (await recordedPlan(directory)) ?? { ...DEFAULT_PLAN, directory };
  const lock = await acquireMoveLock(stateDirectory);
  await lock?.release();
  const isWatched = lock === null;
  const nginx = await new NginxControl(programRunner(io.env), plan).status();
  const token = await opsTokenOf(io.env).catch(() => null);
  const green = plan.green && token !== null ? new GreenClient(`http://${plan.green.http}`, token) : null;
  const [ready, tee] = [(await green?.ready()) ?? null, (await green?.tee()) ?? null];
  const faults = faultsOf(state, plan.share, nginx?.share ?? null, isWatched);
  return {
    exitCode: faults.length === 0 ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
    lines: [
      `phase: ${state.phase ?? 'none'}${state.phaseSince === null ? '' : ` since ${state.phaseSince}`}`,
      ...(state.target === null ? [] : [`next phase: ${state.target.phase}`]),
      ...state.waitsFor.map((line) => `  waits for ${line}`),
      ...(state.openStep === null ? [] : [`step: ${state.openStep.step} since ${state.openStep.at}`]),
      ...(state.failedStep === null
        ? []
        : [`failed step: ${state.failedStep.step}: ${state.failedStep.why}`]),
      ...(state.heldBecause === null ? [] : [`held: ${state.heldBecause}`]),
      `front door: ${summary(plan)}`,
      `nginx: ${nginx === null ? 'no answer' : `share ${nginx.share}, mirror ${nginx.mirror ? 'on' : 'off'}`}`,
      `green: ${ready === null ? 'no answer' : [ready.state, ...ready.reasons].join(', ')}`,
      `tee: ${tee === null ? 'no answer' : `${tee.state}, ${tee.waiting} waiting, oldest ${tee.oldestMs} ms`}`,
      ...(state.analysis === null ? [] : [`analysis: ${state.analysis.verdict}: ${state.analysis.why}`]),
      isWatched
        ? `watched by: shift ${state.owner?.command ?? ''} of ${state.owner?.by ?? ''}, process ${state.owner?.pid ?? ''}`
        : 'watched by: none',
      ...faults.map((fault) => `FAULT: ${fault}`),
      ...records.slice(-LAST_EVENTS).map(({ at, by, kind, ...rest }) => {
        const { writer: _, seq: __, detail: ___, ...shown } = rest as Record<string, unknown>;
        return `  ${at} ${kind} ${by} ${Object.values(shown).map(String).join(' ')}`;
      }),
    ].map(printable),
    json: { state, plan, nginx, ready, tee, isWatched, faults, events: records.slice(-LAST_EVENTS) },
  };
}

function faultsOf(
  state: MoveState,
  planned: string,
  running: string | null,
  isWatched: boolean,
): readonly string[] {
  const { phase, target, rollingBackBecause } = state;
  const isBefore = phase === null || phase === 'rolled-back';
  const isExpected = planned === shareOf(phase) || (target !== null && planned === shareOf(target.phase));
  return [
    ...(rollingBackBecause !== null && !isWatched
      ? [`a rollback has not ended (${rollingBackBecause}): samserver shift rollback`]
      : []),
    ...(!isBefore && !isExpected && rollingBackBecause === null
      ? [
          `phase ${phase} has share ${shareOf(phase)}, the include has ${planned}: samserver shift rollback records it`,
        ]
      : []),
    ...(running !== null && running !== planned
      ? [`nginx uses share ${running}, the include has ${planned}: samserver front-door apply`]
      : []),
    ...(!isBefore && phase !== 'done' && !isWatched
      ? ['no command watches the move: samserver shift resume']
      : []),
  ];
}

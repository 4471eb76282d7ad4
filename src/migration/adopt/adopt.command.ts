import { InvalidArgumentError, Option } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CommandIo,
  type CommandResult,
  type DefineCommand,
  EXIT_CODES,
  type ExitCode,
  exitCodesHelp,
  printResult,
  secondsArgument,
} from '../../core/commands/index.js';
import { translateStorageError } from '../../database/index.js';
import { VEHICLE_TYPES, type VehicleType } from '../../vehicles/index.js';
import { requireCurrentSchema, withCommandContext } from '../command-context.js';
import type { AdoptionConflict, AdoptionPlan, AdoptionStep } from './adopt-plan.js';
import { AdoptionModule } from './adoption.module.js';
import { type Adoption, AdoptionService } from './adoption.service.js';
import { type HistoryStatistics, OldCollectionsRepository } from './old-collections.repository.js';

const DEFAULT_EVERY_MS = 10_000;

interface AdoptOptions {
  readonly dryRun: boolean;
  readonly follow: boolean;
  /** Milliseconds; the option is given in seconds. */
  readonly every: number;
  readonly type: ReadonlyMap<string, VehicleType>;
  readonly json: boolean;
}

/** `samserver adopt` */
export const adoptCommand: DefineCommand = (command, io, setExitCode) => {
  command
    .description(
      'Creates a vehicle from each ambulance of the old server. The vehicle keeps the id, the box code, the name (as call ' +
        'sign) and the number (as registration). A later run applies only what other programs have changed since; what was ' +
        'changed in Samserver stays. A deleted ambulance is not adopted; if it was adopted before, its vehicle is archived. ' +
        'One whose box still reports is a vehicle out of service. ' +
        'The command also reports conflicts for an operator to solve, and what the old history contains.',
    )
    .addOption(
      new Option('--dry-run', 'print the plan and change nothing').default(false).conflicts('follow'),
    )
    .option('--follow', 'keep running and apply changes of other programs until interrupted', false)
    .addOption(
      new Option('--every <s>', 'with --follow: time between two runs, seconds')
        .argParser(secondsArgument(1, 99_999))
        .default(DEFAULT_EVERY_MS, String(DEFAULT_EVERY_MS / 1_000)),
    )
    .addOption(
      new Option(
        '--type <type_id>=<type>',
        'vehicle type for a type_id, repeatable; other type_ids become "other"',
      )
        .argParser(addType)
        .default(new Map(), 'none'),
    )
    .option(
      '--json',
      'print one JSON object on stdout; with --follow also one line for each run with changes',
      false,
    )
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'done; after --follow also with conflicts',
        FAILURE: 'failed, or there are conflicts',
        USAGE: 'wrong usage',
        UNAVAILABLE: 'the database is not reachable, or its schema is behind (samserver schema up)',
        TEMPORARY_FAILURE: 'another process holds the lock of the schema',
        CONFIG: 'wrong settings',
        INTERRUPTED: 'interrupted',
      }),
    )
    .action(async (options: AdoptOptions) => setExitCode(await adopt(io, options)));
};

function addType(text: string, types: ReadonlyMap<string, VehicleType>): ReadonlyMap<string, VehicleType> {
  const at = text.lastIndexOf('=');
  const type = VEHICLE_TYPES.find((each) => each === text.slice(at + 1));
  if (at < 1 || !type)
    throw new InvalidArgumentError(`Give <type_id>=<type> with one of ${VEHICLE_TYPES.join(', ')}.`);
  return new Map([...types, [text.slice(0, at), type]]);
}

function adopt(io: CommandIo, options: AdoptOptions): Promise<ExitCode> {
  return withCommandContext(io, [AdoptionModule], async (context, settings) => {
    await requireCurrentSchema(context, settings, io.signal);
    const service = context.get(AdoptionService);
    const old = context.get(OldCollectionsRepository);
    if (options.dryRun) {
      const plan = await service.plan(options.type);
      return printResult(io, options.json, planResult(plan, await old.sampleHistory()));
    }
    const adoption = await service.adopt(options.type, io.signal);
    if (options.follow) await follow(io, service, adoption, options);
    const result = adoptionResult(adoption, await old.sampleHistory(), options.follow);
    return printResult(io, options.json, result);
  });
}

/** Adopts again and again until interrupted, which is its normal end. Each conflict is printed once. */
async function follow(
  io: CommandIo,
  service: AdoptionService,
  first: Adoption,
  { every, type, json }: AdoptOptions,
): Promise<void> {
  const { signal } = io;
  const printLine = (line: string): void => void io.stderr.write(`${line}\n`);
  const printed = new Set<string>();
  const printChanges = ({ done, conflicts }: Adoption): void => {
    const fresh = conflicts.filter((conflict) => !printed.has(conflictLine(conflict)));
    fresh.forEach((conflict) => printed.add(conflictLine(conflict)));
    if (done.length === 0 && fresh.length === 0) return;
    if (json) io.stdout.write(`${JSON.stringify({ result: 'followed', done, conflicts: fresh })}\n`);
    else [...done.map((step) => stepLine(step, 'done')), ...fresh.map(conflictLine)].forEach(printLine);
  };
  printChanges(first);
  printLine(`following, every ${every / 1_000} s`);
  while (!signal.aborted) {
    await sleep(every, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      printChanges(await service.adopt(type, signal));
    } catch (error) {
      if (signal.aborted) return;
      // The command runs until the operator ends it, so it waits for the end of an outage.
      if (!translateStorageError(error)) throw error;
      printLine(`the database does not answer: ${(error as Error).message}`);
    }
  }
}

function planResult(plan: AdoptionPlan, history: HistoryStatistics): CommandResult {
  return {
    exitCode: plan.conflicts.length > 0 ? EXIT_CODES.FAILURE : EXIT_CODES.OK,
    lines: [
      ...plan.steps.map((step) => stepLine(step, 'planned')),
      ...plan.conflicts.map(conflictLine),
      ...planLines(plan),
      ...historyLines(history),
    ],
    json: { result: 'planned', ...plan, history },
  };
}

function adoptionResult(
  { plan, done, conflicts }: Adoption,
  history: HistoryStatistics,
  hasFollowed: boolean,
): CommandResult {
  const { steps: _steps, noted: _noted, conflicts: _planned, ...found } = plan;
  return {
    exitCode: conflicts.length > 0 && !hasFollowed ? EXIT_CODES.FAILURE : EXIT_CODES.OK,
    lines: [
      ...(hasFollowed ? ['followed until interrupted; the first run:'] : []),
      ...done.map((step) => stepLine(step, 'done')),
      ...conflicts.map(conflictLine),
      ...planLines(plan),
      ...historyLines(history),
    ],
    json: { result: 'done', done, conflicts, ...found, history },
  };
}

const VERBS = {
  planned: { add: 'would adopt', alter: 'would change', archive: 'would archive' },
  done: { add: 'adopted', alter: 'changed', archive: 'archived' },
} as const;

function stepLine(step: AdoptionStep, tense: keyof typeof VERBS): string {
  const verb = VERBS[tense][step.kind];
  switch (step.kind) {
    case 'add': {
      const { callSign, registration, type, status, boxCode } = step.vehicle;
      const box = boxCode === null ? 'no box' : `box ${boxCode}`;
      return `${verb} ${step.id}: ${callSign}, ${registration}, ${type}, ${status}, ${box}`;
    }
    case 'alter': {
      const changes = Object.entries(step.changes).map(([field, value]) => `${field} ${value ?? 'none'}`);
      return `${verb} ${step.id} (${step.vehicle.callSign}): ${changes.join(', ')}`;
    }
    case 'archive':
      return `${verb} ${step.id} (${step.callSign}): deleted in the old system`;
  }
}

function conflictLine({ ambulance, reason }: AdoptionConflict): string {
  return `to be looked at: ambulance ${ambulance}: ${reason}`;
}

function planLines({
  renamed,
  unchanged,
  deleted,
  stillReporting,
  unreadableBoxCodes,
}: AdoptionPlan): string[] {
  return [
    ...stillReporting.map(
      ({ ambulance, at }) =>
        `still reporting: ambulance ${ambulance} is deleted in the old system, and its box reported at ${at.toISOString()}; ` +
        'it is out of service here, and archived when the box is silent for 24 h',
    ),
    ...unreadableBoxCodes.map(
      ({ ambulance, code }) =>
        `not a number: the box code "${code}" of ambulance ${ambulance}; lists of the operators' API fail with it`,
    ),
    ...renamed.map(
      ({ ambulance, from, to }) => `name taken: ambulance ${ambulance}: "${from}" becomes "${to}"`,
    ),
    `${unchanged} unchanged, ${deleted} deleted in the old system and not adopted`,
  ];
}

/** Reports at adoption time that the old history cannot be used, before an operator relies on it. */
function historyLines({ documents, lookedInto, withPlace }: HistoryStatistics): string[] {
  if (documents === 0) return ['old history: none'];
  const content =
    withPlace === 0
      ? 'times and speeds, no places: the old server stored 0,0 in every one. It cannot be adopted as tracks'
      : `${withPlace} of the oldest ${lookedInto} have a place; documents written by the old server have none. It is not adopted`;
  return [`old history: about ${documents} documents, ${content}`];
}

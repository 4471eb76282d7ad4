import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, type CommandIo, type CommandResult, EXIT_CODES } from '../../core/commands/index.js';
import {
  blueOnly,
  DEFAULT_PLAN,
  type FrontDoorPlan,
  NginxControl,
  nginxInclude,
  acceptsAt,
  programRunner,
  recordedPlan,
  removeFrontDoor,
} from '../front-door/index.js';
import { GreenClient } from './green-client.js';
import { probe } from './http-probe.js';
import type { Detail, MoveEvent } from './move-events.js';
import { type MoveJournal, MoveTakenOverError } from './move-journal.js';
import { opsTokenOf } from './ops-token.js';
import { copyToRollout } from './rollout-copy.js';
import { ShiftContext } from './shift-context.js';

/** The time-out of the boxes. PM2 starts an old server that has died within it. */
const BLUE_LIMIT_MS = 2_000;
const BLUE_PAUSE_MS = 100;
/** Before the switch: new posts of a box must not overtake those that green still owes to blue. */
const OWED_LIMIT_MS = 2_000;
/** After the switch nothing is added, and the tee empties by itself. */
const REST_LIMIT_MS = 10_000;
const SOCKETS_WITHIN_S = 10;

export interface RollbackContext {
  readonly io: CommandIo;
  readonly directory: string;
  readonly stateDirectory: string;
  /** Null: it cannot be read or written. The rollback runs all the same. */
  readonly journal: MoveJournal | null;
  readonly by: string;
  readonly say: (line: string) => void;
}

export interface RollbackOptions {
  readonly why: string;
  /** Also when blue does not answer. */
  readonly isForced: boolean;
  /** Of before `complete`, when nginx has refused to take it back. */
  readonly planWithBlue?: FrontDoorPlan | null;
}

/**
 * All clients back to blue, before `complete`. Each step is tried, whatever the others and the journal did; only a blue that
 * does not answer refuses it, because green would be the last ready color.
 * @throws CommandError FAILURE when blue does not answer; MoveTakenOverError
 */
export async function rollBack(
  given: RollbackContext,
  { why, isForced, planWithBlue }: RollbackOptions,
): Promise<CommandResult> {
  // A rollback that has begun is not interrupted.
  const context = { ...given, io: { ...given.io, signal: new AbortController().signal } };
  const { io, directory, say } = context;
  const recorded = await recordedPlan(directory).catch(() => null);
  const isUsable = recorded !== null && recorded.blue !== null;
  const plan = (isUsable ? recorded : planWithBlue) ?? recorded ?? { ...DEFAULT_PLAN, directory };
  if (!isForced) await assertBlueCanServe(plan, say);
  const record = new RollbackRecord(context.journal, say);
  const startMs = performance.now();
  const passedMs = (): number => Math.round(performance.now() - startMs);
  await record.append({ kind: 'rollback.started', why });
  say(`rollback: ${why}`);
  const green = await greenOf(plan, io);
  const owed = plan.share === 'none' ? null : await green?.tee();
  if (green && owed)
    await record.step('owed', async () => {
      // By a `complete` that was interrupted.
      if (owed.state === 'paused') await green.resumeTee();
      return { waiting: await whenDrained(green, OWED_LIMIT_MS) };
    });
  let removed: CommandResult | null = null;
  await record.step('http', async () => {
    removed = await removeFrontDoor(io, plan, { isDryRun: false });
    for (const line of removed.lines) say(`rollback: ${line}`);
    return { exitCode: removed.exitCode };
  });
  const reached = await reachedColor(plan, io);
  const httpMs = passedMs();
  say(`rollback: HTTP is back after ${httpMs} ms; the front door reaches ${reached}`);
  let rest: number | null = null;
  if (green && owed) {
    await record.step('sockets', async () => {
      await green.change('POST', '/api/v1/ops/handover', {
        withinS: SOCKETS_WITHIN_S,
        why: 'shift rollback',
      });
    });
    await record.step('rest', async () => {
      rest = await whenDrained(green, REST_LIMIT_MS);
      return { waiting: rest };
    });
  }
  const detail = { httpMs, reached, stillOwed: rest };
  const isGood = reached === 'blue' && (removed as CommandResult | null)?.exitCode === EXIT_CODES.OK;
  if (reached === 'blue') await record.append({ kind: 'rollback.done', ms: passedMs(), detail });
  // A copy, which can take seconds without the database.
  if (context.journal !== null) {
    const { stateDirectory, journal, by } = context;
    await copyToRollout(
      new ShiftContext(io, directory, stateDirectory, journal, by, say),
      'rolled-back',
      why,
    );
  }
  return {
    exitCode: isGood ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
    lines: [
      reached === 'blue' ? `rolled back: ${why}` : `NOT rolled back: the front door reaches ${reached}`,
      `HTTP after ${httpMs} ms; ${owedText(owed === undefined || owed === null ? null : rest)}`,
      ...(isGood ? [] : ['a step failed, see above; samserver front-door status']),
      ...record.faults,
    ],
    json: { result: reached === 'blue' ? 'rolled-back' : 'failed', why, ...detail, faults: record.faults },
  };
}

/** The journal of a rollback: what cannot be recorded is done all the same. */
class RollbackRecord {
  readonly faults: string[] = [];

  constructor(
    private readonly journal: MoveJournal | null,
    private readonly say: (line: string) => void,
  ) {}

  /** @throws MoveTakenOverError */
  async append(event: MoveEvent): Promise<void> {
    try {
      await this.journal?.append(event);
    } catch (error) {
      if (error instanceof MoveTakenOverError) throw error;
      this.fault(`not recorded: ${textOf(error)}`);
    }
  }

  /** @throws MoveTakenOverError */
  async step(step: string, act: () => Promise<Detail | void>): Promise<void> {
    const phase = 'rollback';
    await this.append({ kind: 'step.started', phase, step });
    const startMs = performance.now();
    const ms = (): number => Math.round(performance.now() - startMs);
    try {
      const detail = (await act()) ?? {};
      await this.append({ kind: 'step.done', phase, step, ms: ms(), detail });
    } catch (error) {
      if (error instanceof MoveTakenOverError) throw error;
      this.fault(`${step}: ${textOf(error)}`);
      await this.append({ kind: 'step.failed', phase, step, ms: ms(), why: textOf(error).slice(0, 500) });
    }
  }

  private fault(text: string): void {
    this.faults.push(text);
    this.say(`rollback: ${text}`);
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Null without the ops token: the switch does not need green. */
async function greenOf({ green }: FrontDoorPlan, { env }: CommandIo): Promise<GreenClient | null> {
  const token = await opsTokenOf(env).catch(() => null);
  return green === null || token === null ? null : new GreenClient(`http://${green.http}`, token);
}

/**
 * The last color that can serve keeps the traffic. A blue that is only slow gets it when green is not ready: it accepts
 * connections and may answer them.
 * @throws CommandError
 */
export async function assertBlueCanServe(
  { blue, green }: Pick<FrontDoorPlan, 'blue' | 'green'>,
  say: (line: string) => void,
  limitMs = BLUE_LIMIT_MS,
): Promise<void> {
  const isGreenReady = async (): Promise<boolean> =>
    green !== null && (await probe(`http://${green.http}/ready`, { timeoutMs: limitMs })).status === 200;
  const [hasAnswered, isReady] = await Promise.all([answers(blue, limitMs), isGreenReady()]);
  if (hasAnswered) return;
  const isListening = blue !== null && (await acceptsAt(blue.http));
  if (isListening && !isReady) {
    say(`blue has not answered within ${limitMs / 1_000} s, and green is not ready: blue gets the traffic`);
    return;
  }
  throw new CommandError(
    isListening
      ? `blue has not answered within ${limitMs / 1_000} s, and green is ready: give --force to go back all the same`
      : 'blue does not answer, and green may be the last ready color: start blue, or give --force',
    EXIT_CODES.FAILURE,
  );
}

async function answers(blue: FrontDoorPlan['blue'], limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  for (let leftMs = limitMs; blue !== null && leftMs > 0; leftMs = endMs - performance.now()) {
    if ((await probe(`http://${blue.http}`, { timeoutMs: leftMs })).status !== null) return true;
    await sleep(BLUE_PAUSE_MS);
  }
  return false;
}

/** @returns how many posts wait at the end; null when green does not say */
async function whenDrained(green: GreenClient, limitMs: number): Promise<number | null> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const tee = await green.tee();
    if (tee === null || tee.isDrained || performance.now() > endMs) return tee?.waiting ?? null;
    await sleep(50);
  }
}

/**
 * Where new posts go. nginx with the blue-only include says so itself; the bypass reaches blue without nginx, and so without its
 * header.
 */
async function reachedColor(plan: FrontDoorPlan, io: CommandIo): Promise<'blue' | 'green' | 'nothing'> {
  const nginx = await new NginxControl(programRunner(io.env), plan).status();
  const { version } = nginxInclude(blueOnly(plan));
  if (nginx?.version === version) return 'blue';
  const { status, headers } = await probe(`http://127.0.0.1:${plan.ports.http}/`, { timeoutMs: 2_000 });
  if (status === null) return 'nothing';
  return headers['x-samserver-color'] === undefined ? 'blue' : 'green';
}

function owedText(waiting: number | null): string {
  if (waiting === null)
    return 'green was not asked what it owes: samserver_legacy_tee_waiting shows it when it answers';
  return waiting === 0 ? 'blue has every post' : `${waiting} posts still wait for blue on green`;
}

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError } from '../../core/commands/index.js';
import { MISSED_LOG, readGreenGaps } from '../front-door/index.js';
import type { Decision } from './analysis.js';
import { CompareGate } from './compare-gate.js';
import type { GateInput } from './gate.js';
import { closedGates, gatesTo, READY_PROBES } from './gates.js';
import type { MoveState } from './move-state.js';
import { settingsOf } from './move-settings.js';
import { Observer } from './observer.js';
import { ReadyProbes } from './ready-probes.js';
import type { ShiftContext } from './shift-context.js';

const PAUSE_MS = 1_000;
/** Longer than the interval at which a watched soak records its analysis. */
const MAX_ANALYSIS_AGE_MS = 660_000;
/** How long to look for the answers of green. */
const LOOK_LIMIT_MS = 3 * READY_PROBES * PAUSE_MS;

/**
 * The gates in front of the end of the old server. The analysis is that of the command that watched the soak, and gaps are read
 * from the log of nginx; everything else is looked at now.
 * @param skipped names of gates
 * @returns a line for each gate that is not open
 * @throws InterruptedError; CommandError without green or the ops token
 */
export async function closedGatesToComplete(
  context: ShiftContext,
  skipped: readonly string[],
): Promise<readonly string[]> {
  const { state } = context.journal;
  const settings = settingsOf(state);
  const [plan, green] = [await context.plan(), await context.green()];
  const observer = new Observer(plan, green, settings.windowS * 1_000, context.io.env, false);
  const probes = new ReadyProbes();
  await observer.start();
  try {
    const endMs = performance.now() + LOOK_LIMIT_MS;
    let observation = await observer.observe([plan.share]);
    for (probes.add(observer.ready); probes.inARow < READY_PROBES && performance.now() < endMs;) {
      if (context.io.signal.aborted) throw new InterruptedError();
      await sleep(PAUSE_MS);
      observation = await observer.observe([plan.share]);
      probes.add(observer.ready);
    }
    const phaseSinceMs = Date.parse(state.phaseSince ?? '') || Date.now();
    const input: GateInput = {
      ...{ io: context.io, settings, green, ready: observer.ready, readyInARow: probes.inARow },
      observation: { ...observation, lastGapMs: await lastGapMs(join(plan.logDirectory, MISSED_LOG)) },
      decision: recordedDecision(state, Date.now()),
      observedS: (Date.now() - phaseSinceMs) / 1_000,
      // The log has all gaps of the move.
      lookedS: Infinity,
      heldBecause: state.heldBecause,
      compare: new CompareGate(() => phaseSinceMs),
    };
    const closed = await closedGates(gatesTo('complete', state.phase, skipped), input);
    return closed.map(({ name, why }) => `${name}: ${why}`);
  } finally {
    await observer.close();
  }
}

/** What the command that watched the soak has recorded last. */
export function recordedDecision({ analysis }: Pick<MoveState, 'analysis'>, nowMs: number): Decision {
  const todo = 'samserver shift resume watches';
  if (analysis === null) return { verdict: 'wait', why: `no analysis of this phase: ${todo}` };
  const { verdict, why, at } = analysis;
  if (verdict !== 'good') return { verdict: 'wait', why: `${verdict}: ${why}` };
  const ageMs = nowMs - Date.parse(at);
  return ageMs <= MAX_ANALYSIS_AGE_MS
    ? { verdict, why }
    : { verdict: 'wait', why: `the last analysis is ${Math.round(ageMs / 60_000)} minutes old: ${todo}` };
}

/** Age of the last post that green has not got; null: none. A log that cannot be read is a gap that has not ended. */
async function lastGapMs(log: string): Promise<number | null> {
  const gaps = await readGreenGaps(log).catch(() => null);
  if (gaps === null) return 0;
  const last = gaps.at(-1);
  return last ? Math.max(0, Date.now() - last.toMs) : null;
}

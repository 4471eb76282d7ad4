import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, type CommandResult, EXIT_CODES, InterruptedError } from '../../core/commands/index.js';
import type { FrontDoorPlan } from '../front-door/index.js';
import { type Decision, decide, type Observation } from './analysis.js';
import { CompareGate } from './compare-gate.js';
import type { GateInput } from './gate.js';
import { closedGates, gatesTo } from './gates.js';
import type { GreenClient } from './green-client.js';
import { MoveTakenOverError } from './move-journal.js';
import type { MovePhase } from './move-phases.js';
import type { MoveRequest } from './move-requests.js';
import { settingsOf } from './move-settings.js';
import { Observer } from './observer.js';
import { type PhaseOptions, shareOf, stepsTo } from './phase-steps.js';
import { ReadyProbes } from './ready-probes.js';
import { rollBack } from './rollback.js';
import type { ShiftContext } from './shift-context.js';

const TICK_MS = 1_000;
/** A verdict is recorded again after this time, and a changed one after the shortest time. */
const ANALYSIS_EVERY_MS = 60_000;
const ANALYSIS_EVERY_LATE_MS = 600_000;
const ANALYSIS_LEAST_MS = 10_000;
/** A soak takes days: its journal must stay readable. */
const LATE_AFTER_S = 3_600;

export interface RunOptions {
  /** Gates that are not looked at. */
  readonly skip: readonly string[];
  /** How long the target may wait for its gates. */
  readonly waitS: number;
  /** Ends with the first phase that was good for its whole observation; else the command watches until it is stopped. */
  readonly isUntilGood: boolean;
  readonly why: string;
}

type Target = NonNullable<ShiftContext['journal']['state']['target']>;

/**
 * A command that watches the move, once a second: it takes the target of the journal through its gates into its phase, and holds
 * or rolls back by what it sees.
 */
export class ShiftRun {
  private readonly compare: CompareGate;
  private plan!: FrontDoorPlan;
  private green!: GreenClient;
  private observer!: Observer;
  private phaseMs = performance.now();
  private targetMs = performance.now();
  private recorded: { verdict: string; atMs: number } = { verdict: '', atMs: -Infinity };
  private readonly readyProbes = new ReadyProbes();

  constructor(
    private readonly context: ShiftContext,
    private readonly options: RunOptions,
    private readonly nextRequest: () => MoveRequest | null,
    /** Of the operator. That of the context is also aborted by a request for a rollback. */
    private readonly interrupt: AbortSignal,
  ) {
    this.compare = new CompareGate(() => Date.parse(this.state.phaseSince ?? '') || Date.now());
  }

  /** Nothing is under way but the watching: another command can go on. */
  get isOnlyWatching(): boolean {
    return this.state.target === null && this.state.rollingBackBecause === null;
  }

  /** @throws CommandError; MoveTakenOverError */
  async run(): Promise<CommandResult> {
    const { context } = this;
    this.plan = await context.plan();
    this.green = await context.green();
    const { windowS, hasPanels } = settingsOf(this.state);
    this.observer = new Observer(this.plan, this.green, windowS * 1_000, context.io.env, hasPanels);
    await this.observer.start();
    try {
      await this.assertExpectedShare();
      for (;;) {
        const startMs = performance.now();
        const end = await this.tick();
        if (end !== null) return end;
        await sleep(Math.max(0, TICK_MS - (performance.now() - startMs)), undefined, {
          signal: this.interrupt,
        }).catch(() => undefined);
      }
    } finally {
      await this.observer.close();
      await this.compare.settled();
    }
  }

  private get state(): ShiftContext['journal']['state'] {
    return this.context.journal.state;
  }

  /** rollback.sh and `front-door` change the share without the journal. */
  private async assertExpectedShare(): Promise<void> {
    const { phase } = this.state;
    const { share } = this.plan;
    if (phase === null || this.expectedShares().includes(share)) return;
    await this.hold(
      `the include has share ${share}, phase ${phase} has ${shareOf(phase)}: rollback.sh or front-door was used`,
    );
  }

  private expectedShares(): readonly string[] {
    const { phase, target } = this.state;
    return [shareOf(phase), ...(target === null ? [] : [shareOf(target.phase)])];
  }

  private async tick(): Promise<CommandResult | null> {
    const { context, options } = this;
    await context.journal.assertOwner();
    const request = this.nextRequest();
    if (request?.kind === 'rollback') return this.rollBack(request.why);
    if (this.interrupt.aborted)
      throw new InterruptedError('nothing watches the move now: samserver shift resume');
    if (request?.kind === 'hold') await this.hold(request.why);
    if (request?.kind === 'yield') return this.ended('another command goes on', EXIT_CODES.OK);
    const observation = await this.observer.observe(this.expectedShares());
    this.readyProbes.add(this.observer.ready);
    const decision =
      this.state.phase === null ? BEFORE_START : decide(observation, this.plan.share !== 'none');
    await this.record(observation, decision);
    if (decision.verdict === 'rollback') return this.rollBack(decision.why);
    if (decision.verdict === 'hold') await this.hold(decision.why);
    const { target, phase } = this.state;
    const input = this.gateInput(observation, decision);
    if (target !== null) return this.approach(target, input);
    if (!options.skip.includes('compare') && phase !== null) {
      const found = this.compare.watch(input);
      if (found !== null) await this.hold(`comparison: ${found}`);
    }
    const isGood = decision.verdict === 'good' && this.observedS >= settingsOf(this.state).observeS;
    if (phase === 'all' && isGood && this.state.heldBecause === null) await this.aim('soak', {});
    else if (options.isUntilGood && isGood)
      return this.ended(`phase ${phase}: ${decision.why}`, EXIT_CODES.OK);
    return null;
  }

  /** Records the target. */
  private async aim(phase: MovePhase, detail: PhaseOptions): Promise<void> {
    await this.context.journal.append({
      kind: 'target',
      phase,
      why: this.options.why,
      detail: { ...detail },
    });
    this.targetMs = performance.now();
  }

  /** One look at the gates of the target; enters the phase when all are open. */
  private async approach(target: Target, input: GateInput): Promise<CommandResult | null> {
    const { context, options } = this;
    const closed = await closedGates(gatesTo(target.phase, this.state.phase, options.skip), input);
    const waitsFor = closed.map(({ name, why }) => `${name}: ${why}`);
    const names = (lines: readonly string[]): string => lines.map((line) => line.split(':')[0]).join();
    if (names(waitsFor) !== names(this.state.waitsFor)) {
      await context.journal.append({ kind: 'gate', phase: target.phase, waitsFor });
      for (const line of waitsFor) context.say(`${target.phase} waits for ${line}`);
    }
    const isOver = performance.now() - this.targetMs > options.waitS * 1_000;
    if (closed.some(({ state }) => state === 'fail') || (closed.length > 0 && isOver))
      return this.drop(target, waitsFor);
    return closed.length > 0 ? null : this.enter(target);
  }

  private gateInput(observation: Observation, decision: Decision): GateInput {
    return {
      ...{ io: this.context.io, settings: settingsOf(this.state), green: this.green },
      ...{ observation, decision, readyInARow: this.readyProbes.inARow, ready: this.observer.ready },
      ...{ observedS: this.observedS, lookedS: this.observer.observedMs / 1_000 },
      ...{ heldBecause: this.state.heldBecause, compare: this.compare },
    };
  }

  private async enter({ phase, detail }: Target): Promise<CommandResult | null> {
    const { context } = this;
    if (phase === 'complete' || phase === 'done' || phase === 'rolled-back')
      throw new CommandError(`phase ${phase} is entered by its own command`, EXIT_CODES.FAILURE);
    try {
      // Also those that an earlier attempt has done: `front-door` or rollback.sh may have been used since.
      for (const step of stepsTo(phase, detail)) {
        context.say(`${phase}: ${step.text}`);
        await context.journal.step(phase, step.name, () => step.run(context));
      }
    } catch (error) {
      if (error instanceof MoveTakenOverError || context.io.signal.aborted) {
        if (error instanceof MoveTakenOverError) throw error;
        return null;
      }
      return this.drop({ phase, detail }, [error instanceof Error ? error.message : String(error)]);
    }
    await context.journal.append({ kind: 'phase.entered', phase, why: this.options.why });
    context.say(`phase ${phase}`);
    this.plan = await context.plan();
    this.observer.enter(this.plan);
    this.compare.reset();
    this.phaseMs = performance.now();
    return null;
  }

  /** The phase stays as it is, and is watched. */
  private async drop({ phase }: Target, reasons: readonly string[]): Promise<CommandResult | null> {
    const { context } = this;
    const why = `phase ${phase} was not entered: ${reasons.join('; ')}`;
    await context.journal.append({ kind: 'target', phase: null, why: why.slice(0, 500), detail: {} });
    context.say(why);
    const isWatched = this.state.phase !== null && !this.options.isUntilGood;
    return isWatched ? null : this.ended(why, EXIT_CODES.FAILURE);
  }

  private async hold(why: string): Promise<void> {
    if (this.state.heldBecause !== null) return;
    await this.context.journal.append({ kind: 'held', why });
    this.context.say(`held: ${why}`);
  }

  private async rollBack(why: string): Promise<CommandResult | null> {
    try {
      const result = await rollBack(this.context, { why, isForced: false });
      return { ...result, exitCode: EXIT_CODES.FAILURE };
    } catch (error) {
      if (error instanceof MoveTakenOverError || !(error instanceof CommandError)) throw error;
      await this.context.journal.append({ kind: 'rollback.refused', why: error.message });
      await this.hold(`${why}; no rollback: ${error.message}`);
      return null;
    }
  }

  private async record(observation: Observation, { verdict, why }: Decision): Promise<void> {
    if (this.state.phase === null) return;
    const nowMs = performance.now();
    const isNew = verdict !== this.recorded.verdict;
    const pauseMs = isNew
      ? ANALYSIS_LEAST_MS
      : this.observedS < LATE_AFTER_S
        ? ANALYSIS_EVERY_MS
        : ANALYSIS_EVERY_LATE_MS;
    // What is done next is explained by the line before it.
    const isActedOn = isNew && (verdict === 'rollback' || verdict === 'hold');
    if (!isActedOn && nowMs - this.recorded.atMs < pauseMs) return;
    this.recorded = { verdict, atMs: nowMs };
    const { blue, green, tee, counted } = observation;
    await this.context.journal.append({
      kind: 'analysis',
      verdict,
      why,
      detail: { blue, green, tee, counted },
    });
    if (isNew) this.context.say(`${this.state.phase}: ${verdict}: ${why}`);
  }

  private get observedS(): number {
    return (performance.now() - this.phaseMs) / 1_000;
  }

  private ended(line: string, exitCode: CommandResult['exitCode']): CommandResult {
    const { phase } = this.state;
    return { exitCode, lines: [line], json: { phase, result: line } };
  }
}

const BEFORE_START: Decision = { verdict: 'good', why: 'the move has not begun' };

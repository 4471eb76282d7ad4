import type { CommandIo } from '../../core/commands/index.js';
import type { Decision, Observation } from './analysis.js';
import type { GreenClient, GreenReady } from './green-client.js';
import type { MoveSettings } from './move-settings.js';

/** `wait`: it can become good by itself. `fail`: an operator has to do something. */
export type GateResult =
  { readonly state: 'ok'; readonly seen: string } | { readonly state: 'wait' | 'fail'; readonly why: string };

export const passed = (seen: string): GateResult => ({ state: 'ok', seen });
export const waits = (why: string): GateResult => ({ state: 'wait', why });
export const fails = (why: string): GateResult => ({ state: 'fail', why });

/** What a gate looks at. */
export interface GateInput {
  readonly io: CommandIo;
  readonly settings: MoveSettings;
  readonly green: GreenClient;
  readonly observation: Observation;
  readonly decision: Decision;
  /** Answers of `/ready` in a row with state `ready`, no reason and the same process of the same release. */
  readonly readyInARow: number;
  readonly ready: GreenReady | null;
  /** How long the present phase is observed. */
  readonly observedS: number;
  /** How long this command has looked for gaps. */
  readonly lookedS: number;
  readonly heldBecause: string | null;
  readonly compare: { check(input: GateInput): Promise<GateResult> };
}

export interface Gate {
  /** For `--skip`. */
  readonly name: string;
  /** Also before the shadow, in which green has no posts yet. */
  readonly isForStart: boolean;
  check(input: GateInput): GateResult | Promise<GateResult>;
}

/** @param todo what makes it new */
export function ageGate(what: string, atMs: number, maxAgeH: number, todo: string): GateResult {
  const ageH = (Date.now() - atMs) / 3_600_000;
  if (!(ageH >= 0)) return fails(`${what} at an unusable time: ${todo}`);
  const seen = `${what} ${ageH.toFixed(1)} h ago`;
  return ageH <= maxAgeH ? passed(seen) : fails(`${seen}, at most ${maxAgeH} h are accepted: ${todo}`);
}

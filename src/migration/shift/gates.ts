import { backupGates } from './backup-gates.js';
import { MOVE_PHASES, type MovePhase } from './move-phases.js';
import { ageGate, fails, type Gate, type GateInput, type GateResult, passed, waits } from './gate.js';

export const READY_PROBES = 10;
const MAX_TEE_LAG_MS = 2_000;
const MIN_CERTIFICATE_DAYS = 14;

/** What must hold before a phase is entered; the costly one is last and looked at only when all others are open. */
export const GATES: readonly Gate[] = [
  {
    name: 'held',
    isForStart: false,
    check: ({ heldBecause }: GateInput): GateResult =>
      heldBecause === null ? passed('not held') : fails(`${heldBecause} (samserver shift resume)`),
  },
  {
    name: 'blue',
    isForStart: true,
    check: ({ observation }: GateInput): GateResult =>
      observation.isBlueUp ? passed('blue answers') : waits('blue does not answer'),
  },
  {
    name: 'ready',
    isForStart: true,
    check: ({ readyInARow, ready }: GateInput): GateResult => {
      if (readyInARow >= READY_PROBES)
        return passed(`release ${ready?.release?.version ?? 'unknown'} is ready`);
      const reasons = ready === null ? 'no answer' : [ready.state, ...ready.reasons].join(', ');
      return waits(`green: ${reasons}; ${readyInARow} of ${READY_PROBES} answers without a reason`);
    },
  },
  {
    name: 'schema',
    isForStart: true,
    check: ({ ready }: GateInput): GateResult => {
      const { schema } = ready ?? {};
      if (!schema) return waits('green does not show its schema: is OPS_TOKEN right?');
      const { current, supported } = schema;
      const range = `schema ${current}, supported ${supported.min} to ${supported.max}`;
      return current >= supported.min && current <= supported.max ? passed(range) : fails(range);
    },
  },
  {
    name: 'roles',
    isForStart: true,
    check: async ({ green }: GateInput): Promise<GateResult> => {
      const roles = await green.roles();
      if (roles === null) return waits('green does not show its role: is OPS_TOKEN right?');
      return roles.role === 'old'
        ? passed('the old server has the role')
        : fails(
            'Samserver has the role: both servers would write. Set LEGACY_ROLES=old (docs/two-servers.md)',
          );
    },
  },
  {
    name: 'tee',
    isForStart: true,
    check: ({ observation: { tee } }: GateInput): GateResult => {
      if (tee === null) return waits('the tee does not answer');
      if (tee.state === 'off') return fails('LEGACY_TEE_URL is not set: posts of green would not reach blue');
      const seen = `tee ${tee.state}, oldest post ${tee.oldestMs} ms`;
      return tee.oldestMs < MAX_TEE_LAG_MS && tee.state !== 'stalled' ? passed(seen) : waits(seen);
    },
  },
  {
    name: 'pictures',
    isForStart: true,
    check: ({ ready, settings }: GateInput): GateResult => {
      const manifest = ready?.volume?.manifest;
      const todo = 'run samserver images verify';
      if (!manifest) return fails(`the picture volume was never verified: ${todo}`);
      if (manifest.mismatched > 0) return fails(`${manifest.mismatched} pictures differ: ${todo}`);
      return ageGate(
        'pictures verified',
        Date.parse(manifest.verifiedAt),
        settings.maxVerificationAgeH,
        todo,
      );
    },
  },
  ...backupGates,
  {
    name: 'green-certificate',
    isForStart: true,
    check: ({ ready }: GateInput): GateResult => {
      const days = ready?.tls?.daysLeft ?? null;
      if (days === null) return passed('green has no certificate of its own');
      return days >= MIN_CERTIFICATE_DAYS ? passed(`${days} days left`) : fails(`${days} days left`);
    },
  },
  {
    name: 'observation',
    isForStart: false,
    check: ({ observedS, settings, decision }: GateInput): GateResult => {
      if (decision.verdict !== 'good') return waits(decision.why);
      return observedS >= settings.observeS
        ? passed(`observed for ${Math.floor(observedS)} s`)
        : waits(`observed for ${Math.floor(observedS)} of ${settings.observeS} s`);
    },
  },
  {
    name: 'gaps',
    isForStart: false,
    check: ({ observation: { lastGapMs }, lookedS, settings: { withoutGapS } }: GateInput): GateResult => {
      const quietS = Math.floor(lastGapMs === null ? lookedS : lastGapMs / 1_000);
      return quietS >= withoutGapS
        ? passed(`no gap for ${quietS} s`)
        : waits(`no gap for ${quietS} of ${withoutGapS} s (samserver-mirror-failed.log)`);
    },
  },
  {
    name: 'compare',
    isForStart: false,
    check: (input: GateInput): Promise<GateResult> => input.compare.check(input),
  },
];

/**
 * The gates on the way to a phase. A smaller share needs a blue that answers, and nothing else; the soak changes nothing.
 * @param from null: no phase was entered yet
 */
export function gatesTo(
  phase: MovePhase,
  from: MovePhase | null,
  skipped: readonly string[],
): readonly Gate[] {
  const isBack = from !== null && orderOf(phase) < orderOf(from);
  const isNeeded = ({ name, isForStart }: Gate): boolean => {
    if (isBack) return name === 'blue';
    if (phase === 'soak') return name === 'held' || name === 'observation';
    return isForStart || phase !== 'shadow';
  };
  return GATES.filter((gate) => isNeeded(gate) && !skipped.includes(gate.name));
}

const orderOf = (phase: MovePhase): number => MOVE_PHASES.findIndex((each) => each === phase);

/** Those that are not open. The comparison is costly: it is made only when all others are open. */
export async function closedGates(
  gates: readonly Gate[],
  input: GateInput,
): Promise<readonly { readonly name: string; readonly state: 'wait' | 'fail'; readonly why: string }[]> {
  const closed = [];
  for (const gate of gates) {
    const { name } = gate;
    if (name === 'compare' && closed.length > 0) break;
    const result = await gate.check(input);
    if (result.state !== 'ok') closed.push({ name, state: result.state, why: result.why });
  }
  return closed;
}

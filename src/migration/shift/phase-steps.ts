import { UsageError } from '../../core/commands/index.js';
import type { FrontDoorPlan, Share } from '../front-door/index.js';
import type { Detail } from './move-events.js';
import type { MovePhase } from './move-phases.js';
import { prepareRequests } from './move-requests.js';
import type { MoveStep } from './move-steps.js';
import { writeRollbackFiles } from './rollback-files.js';
import { copyToRollout } from './rollout-copy.js';
import type { ShiftContext } from './shift-context.js';

type Step = MoveStep<ShiftContext>;

/** What a phase is entered with; it is in the journal. */
export interface PhaseOptions {
  readonly boxAddresses?: readonly string[];
  readonly mirrorSecretFile?: string;
}

/** The steps that enter a phase. Those of `complete` are in `migration/complete`. */
export function stepsTo(
  phase: Exclude<MovePhase, 'complete' | 'done' | 'rolled-back'>,
  options: PhaseOptions,
): readonly Step[] {
  switch (phase) {
    case 'shadow':
      return [prepare, shadow(options.mirrorSecretFile), rollout(phase)];
    case 'one':
      return [share('one', options), rollout(phase)];
    case 'half':
    case 'all':
      return [share(phase, {}), rollout(phase)];
    case 'soak':
      return [rollout(phase)];
  }
}

/** The share that nginx has in a phase. */
export const shareOf = (phase: MovePhase | null): Share =>
  phase === 'one' || phase === 'half'
    ? phase
    : phase === null || phase === 'shadow' || phase === 'rolled-back'
      ? 'none'
      : 'all';

const prepare: Step = {
  name: 'prepare',
  text: 'write rollback.sh and reserve the space for the records of a rollback',
  run: async (context): Promise<Detail> => {
    await context.journal.reserve();
    await prepareRequests(context.stateDirectory);
    return { script: await writeRollbackFiles(await context.plan()) };
  },
};

const shadow = (secretFile: string | undefined): Step => ({
  name: 'mirror',
  text: 'all posts go to blue, and a copy of each to green',
  run: (context) => context.apply({ share: 'none', isMirrorOn: true, isFallbackOn: true }, secretFile),
});

const share = (value: Share, { boxAddresses }: PhaseOptions): Step => ({
  name: 'share',
  text: `green's share of the posts: ${value}`,
  run: async (context) => {
    const known = boxAddresses ?? (await context.plan()).boxAddresses;
    if (value === 'one' && known.length === 0)
      throw new UsageError('--box-addresses: at least one is needed for phase one');
    const change: Partial<FrontDoorPlan> = { share: value, boxAddresses: known };
    return context.apply(change);
  },
});

const rollout = (phase: MovePhase): Step => ({
  name: 'rollout-record',
  text: 'copy the phase into the rollout record',
  run: (context) => copyToRollout(context, phase, `shift to ${phase}`),
});

import { loadCommandSettings } from '../command-settings.js';
import { withCommandContext } from '../command-context.js';
import { Clock, withTimeout } from '../../core/index.js';
import { DeploymentRecordsModule, RolloutRepository, RolloutsService } from '../../deployment/index.js';
import type { MovePhase } from './move-phases.js';
import type { ShiftContext } from './shift-context.js';

const TIMEOUT_MS = 15_000;

/** Share of green, per cent, as the rollout record shows it. */
const STEPS = {
  shadow: ['parallel', 0],
  one: ['shifting', 1],
  half: ['shifting', 50],
  all: ['shifting', 100],
  soak: ['soaking', 100],
  complete: ['soaking', 100],
  done: ['complete', 100],
  'rolled-back': ['rolled_back', 0],
} as const satisfies Record<MovePhase, readonly [string, number]>;

/**
 * Writes the phase into the rollout record, which the instances show. It is a copy: without the database the move goes on, and
 * the line says so.
 */
export async function copyToRollout(context: ShiftContext, phase: MovePhase, why: string): Promise<void> {
  try {
    await withTimeout(
      write(context, phase, why),
      TIMEOUT_MS,
      () => new Error('the database does not answer'),
    );
  } catch (error) {
    context.say(
      `the rollout record was not written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function write({ io, by }: ShiftContext, phase: MovePhase, why: string): Promise<void> {
  const settings = loadCommandSettings(io);
  if (settings.mongo.url === null) throw new Error('MONGODB_URL is not set');
  const work = async (rollouts: RolloutsService): Promise<void> => {
    const [next, weightPct] = STEPS[phase];
    const current = await rollouts.find();
    const isOpen = current !== null && !['idle', 'complete', 'rolled_back'].includes(current.phase);
    if (!isOpen && next === 'rolled_back') return;
    const rollout = isOpen ? current : await rollouts.begin({ from: 'old', to: 'green', by, why });
    if (rollout.phase === next && rollout.weightPct === weightPct) return;
    await rollouts.step(rollout.epoch, { phase: next, weightPct, by, why });
  };
  await withCommandContext(
    io,
    [DeploymentRecordsModule],
    (context) => work(new RolloutsService(context.get(RolloutRepository), context.get(Clock))),
    settings,
  );
}

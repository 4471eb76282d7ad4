import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import type { ColorAddresses } from '../front-door/front-door-plan.js';
import { recordedPlan } from '../front-door/front-door-actions.js';
import { portsInUse, processesOf } from '../old-server/index.js';
import type { CompleteStep } from './complete-context.js';
import { MoveStore } from './move-store.js';
import { changedCollections } from './old-writes.repository.js';

/** Boxes post every second: a writer shows itself in this time. */
const OBSERVED_MS = 2_500;

export const proveSilence: CompleteStep = {
  name: 'prove-silence',
  text: 'prove that the process and the ports of the old server are gone and that nothing writes its collections',
  undoText: null,
  run: async ({ io, noted, frontDoor, green }) => {
    const plan = await recordedPlan(frontDoor);
    const pids = noted === null ? [] : await processesOf(noted.script);
    if (pids.length > 0)
      throw fault(`the script of the old server still runs: process ${pids.join(', ')} (not under this PM2)`);
    if (noted?.plan.blue && plan?.listensOnOldPorts !== true) {
      const open = await portsInUse(portsOf(noted.plan.blue));
      if (open.length > 0) throw fault(`something listens on port ${open.join(' and ')} (ss -ltnp)`);
    }
    // Samserver writes them from then on.
    if ((await green.role()).role === 'samserver') return { observedMs: 0 };
    const changed = await MoveStore.with(io, async ({ writes }) => {
      const before = await writes.read();
      await sleep(OBSERVED_MS);
      return changedCollections(before, await writes.read());
    });
    if (changed.length > 0)
      throw fault(`another program writes ${changed.join(', ')}, although the old server has ended`);
    return { observedMs: OBSERVED_MS };
  },
};

export function portsOf({ http, sockets }: ColorAddresses): number[] {
  return [http, sockets].map((address) => Number(address.slice(address.lastIndexOf(':') + 1)));
}

const fault = (why: string): CommandError =>
  new CommandError(`${why}: end it first; two servers must never write`, EXIT_CODES.FAILURE);

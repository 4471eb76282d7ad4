import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import type { ColorAddresses } from '../front-door/front-door-plan.js';
import { connectionsOf } from '../old-server/index.js';
import type { CompleteStep } from './complete-context.js';

/** A panel reconnects within 5 s; a second attempt of its client fits. */
const LIMIT_MS = 15_000;
const PAUSE_MS = 100;
/** A picture is fetched on this port too, for milliseconds. */
const SAMPLES = 5;
/** Share of the panels that may be away for another reason: a page that was closed meanwhile. */
const MAX_MISSING_SHARE = 0.2;

export const panelsReconnected: CompleteStep = {
  name: 'panels',
  text: 'wait until the panels are connected to Samserver',
  undoText: null,
  run: async ({ green, noted, say, io: { signal } }) => {
    const expected = noted?.panels ?? 0;
    const startMs = performance.now();
    let found = await green.panels();
    while (found < expected && performance.now() - startMs < LIMIT_MS && !signal.aborted) {
      await sleep(PAUSE_MS);
      found = await green.panels();
    }
    const missing = Math.max(0, expected - found);
    if (missing > Math.max(1, expected * MAX_MISSING_SHARE))
      throw new CommandError(
        `${found} of ${expected} panels are connected to Samserver after ${LIMIT_MS / 1_000} s`,
        EXIT_CODES.FAILURE,
      );
    if (missing > 0) say(`${missing} of ${expected} panels have not come back: were they closed?`);
    return { expected, found, ms: Math.round(performance.now() - startMs) };
  },
};

/** Panels with an open connection to the old server, as a lower bound of some samples. */
export async function panelsOnBlue({ sockets }: ColorAddresses): Promise<number> {
  const port = Number(sockets.slice(sockets.lastIndexOf(':') + 1));
  let fewest = Infinity;
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    fewest = Math.min(fewest, await connectionsOf(port));
    await sleep(PAUSE_MS);
  }
  return fewest;
}

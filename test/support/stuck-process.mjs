/** Starts the built watchdog, prints `stuck` and blocks the event loop for ever. `stuck-process.mjs <limitMs> [full]`; `full` fills stderr. */
import { setTimeout } from 'node:timers';
import { startWatchdog } from '../../dist/health/index.js';

startWatchdog({ limitMs: Number(process.argv[2]) });
if (process.argv[3] === 'full') process.stderr.write('.'.repeat(4_000_000));
setTimeout(() => {
  process.stdout.write('stuck\n');
  for (;;);
}, 1_500);

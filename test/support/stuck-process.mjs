/** Starts the built watchdog, says so, and never lets the event loop turn again. `stuck-process.mjs <limitMs>` */
import { setTimeout } from 'node:timers';
import { startWatchdog } from '../../dist/health/index.js';

startWatchdog({ limitMs: Number(process.argv[2]) });
setTimeout(() => {
  process.stdout.write('stuck\n');
  for (;;);
}, 1_500);

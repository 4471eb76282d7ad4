import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { recordedPlan } from '../front-door/front-door-actions.js';
import type { OldProcess } from '../preflight/old/pm2-processes.js';
import { type CompleteStep, NOTE_STEP, type NotedBefore } from './complete-context.js';
import { panelsOnBlue, panelsReconnected } from './count-panels.js';
import { giveRole } from './give-role.js';
import { proveSilence } from './prove-silence.js';
import { stopOldServer } from './stop-old-server.js';
import { takePorts } from './take-ports.js';

const note: CompleteStep = {
  name: NOTE_STEP,
  text: 'note the panels and the front door, and that nothing can start the old server again by itself',
  undoText: null,
  run: async (context) => {
    const { pm2, green, frontDoor, noted } = context;
    const processes = await pm2.processes();
    assertStaysStopped(processes, pm2.name);
    if (!(await green.isReady()))
      throw new CommandError('Samserver is not ready (/ready has the reasons)', EXIT_CODES.FAILURE);
    const plan = await recordedPlan(frontDoor);
    const runs = processes.some(({ status }) => status === 'online');
    // After a kill: what was noted while it ran.
    if (noted !== null && (!runs || plan?.blue === null)) return { ...noted };
    const blue = plan?.blue ?? null;
    if (plan === null || blue === null || plan.share !== 'all')
      throw new CommandError(
        'the front door must share all posts to Samserver, with the old server beside it (shift to all)',
        EXIT_CODES.FAILURE,
      );
    const [first] = processes;
    if (first === undefined)
      throw new CommandError(
        `PM2 has no process "${pm2.name}": give its name and its PM2_HOME`,
        EXIT_CODES.UNAVAILABLE,
      );
    const panels = (await panelsOnBlue(blue)) + (await green.panels());
    const now: NotedBefore = { plan, script: first.script, panels };
    context.noted = now;
    return { ...now };
  },
};

/**
 * The steps of `complete`, in their order. The list of PM2 is saved before the role changes: a reboot must find the old server
 * stopped as long as Samserver has the role. nginx takes the ports last, because the redirect works until then.
 */
export const COMPLETE_STEPS: readonly CompleteStep[] = [
  note,
  stopOldServer,
  proveSilence,
  giveRole,
  panelsReconnected,
  takePorts,
];

/** PM2 restarts a stopped process by its cron pattern and when a watched file changes. @throws CommandError */
export function assertStaysStopped(processes: readonly OldProcess[], name: string): void {
  for (const { cronRestart, isWatched } of processes) {
    const reason =
      cronRestart !== null && cronRestart !== '0'
        ? `restarts it at "${cronRestart}", also when it is stopped: pm2 restart ${name} --cron-restart 0`
        : isWatched
          ? `starts it when a file changes: pm2 restart ${name} --watch false, or "watch: false" in its ecosystem file`
          : null;
    if (reason !== null) throw new CommandError(`PM2 ${reason}`, EXIT_CODES.FAILURE);
  }
}

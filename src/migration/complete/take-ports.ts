import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { applyPlan, recordedPlan } from '../front-door/front-door-actions.js';
import { assertPlan, DEFAULT_PLAN, type FrontDoorPlan, OLD_PORTS } from '../front-door/front-door-plan.js';
import { FrontDoorFiles } from '../front-door/front-door-files.js';
import { Redirect } from '../front-door/redirect.js';
import { serviceOf } from '../front-door/redirect-rules.js';
import { programRunner } from '../front-door/run-program.js';
import { portsInUse } from '../old-server/index.js';
import type { CompleteContext, CompleteStep } from './complete-context.js';

export const takePorts: CompleteStep = {
  name: 'take-ports',
  text: `nginx listens on ports ${OLD_PORTS.http} and ${OLD_PORTS.sockets} itself; then the redirect goes`,
  undoText: 'nginx gives the ports of the old server free, and the redirect is as before',
  isDone: async ({ io, frontDoor }) => {
    const plan = await recordedPlan(frontDoor);
    if (plan?.blue !== null || !plan.listensOnOldPorts) return false;
    const redirect = new Redirect(programRunner(io.env), new FrontDoorFiles(frontDoor));
    return (await hasOldPorts()) && (await redirect.status()).isOn !== true;
  },
  run: async (context) => {
    const plan = await planOf(context);
    await put(context, greenOnly(plan));
    if (!(await hasOldPorts()))
      throw new CommandError(
        `nginx does not listen on ports ${OLD_PORTS.http} and ${OLD_PORTS.sockets}`,
        EXIT_CODES.FAILURE,
      );
    await warnOfBoot(context, plan);
    return {};
  },
  undo: async (context) => {
    const plan = await planOf(context);
    if (plan.blue !== null && !plan.listensOnOldPorts) return { wasFree: true };
    const before = context.noted?.plan ?? { ...plan, blue: DEFAULT_PLAN.blue, isRedirectOn: true };
    try {
      await put(context, { ...before, listensOnOldPorts: false });
      return {};
    } catch (error) {
      // An nginx that refuses its file or does not run: the old server can start all the same when its ports are free.
      if (!(error instanceof Error) || (await hasOldPort())) throw error;
      context.say(`the front door is not as before: ${error.message}`);
      return { failed: error.message };
    }
  },
};

/** The old server is stopped for good. */
export const greenOnly = (plan: FrontDoorPlan): FrontDoorPlan => ({
  ...plan,
  blue: null,
  share: 'all',
  isMirrorOn: false,
  listensOnOldPorts: true,
  isRedirectOn: false,
});

const oldPortsInUse = (): Promise<readonly number[]> => portsInUse([OLD_PORTS.http, OLD_PORTS.sockets]);
const hasOldPorts = async (): Promise<boolean> => (await oldPortsInUse()).length === 2;
const hasOldPort = async (): Promise<boolean> => (await oldPortsInUse()).length > 0;

async function planOf({ frontDoor }: CompleteContext): Promise<FrontDoorPlan> {
  const plan = await recordedPlan(frontDoor);
  if (plan !== null) return plan;
  throw new CommandError(`${frontDoor} has no front door`, EXIT_CODES.UNAVAILABLE);
}

async function put({ io, say, assertOwner }: CompleteContext, plan: FrontDoorPlan): Promise<void> {
  assertPlan(plan);
  const { exitCode, lines } = await applyPlan(io, plan, { isDryRun: false, assertAllowed: assertOwner });
  if (exitCode !== EXIT_CODES.OK) throw new CommandError(lines.join('\n'), exitCode);
  lines.forEach(say);
}

/** Without nginx nothing has the ports after a reboot. */
async function warnOfBoot({ io, say }: CompleteContext, plan: FrontDoorPlan): Promise<void> {
  const service = serviceOf(plan);
  const { stdout } = await programRunner(io.env)('systemctl', ['is-enabled', service]);
  // Empty without systemd.
  if (/^(?:disabled|masked)/.test(stdout))
    say(
      `${service} is not enabled: start nginx with the machine, because nothing else has ports 5000 and 5050`,
    );
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CommandError,
  type CommandIo,
  type CommandResult,
  EXIT_CODES,
  UsageError,
} from '../../core/commands/index.js';
import { applyBlueOnly, applyInclude } from './apply-include.js';
import { FrontDoorFiles } from './front-door-files.js';
import { withFrontDoorLock } from './front-door-lock.js';
import { readGreenGaps } from './green-gaps.js';
import { blueOnly, type ColorAddresses, type FrontDoorPlan } from './front-door-plan.js';
import { NginxControl } from './nginx-control.js';
import { MISSED_LOG, nginxInclude, planOf } from './nginx-include.js';
import { acceptsAt, Redirect } from './redirect.js';
import { programRunner } from './run-program.js';

export interface ActionOptions {
  readonly isDryRun: boolean;
  /** Called under the lock, before anything is changed; its error ends the action. */
  readonly assertAllowed?: () => Promise<void>;
}

/** The parts that act on one plan. */
function partsOf(io: CommandIo, plan: FrontDoorPlan) {
  const run = programRunner(io.env);
  const files = new FrontDoorFiles(plan.directory);
  return { run, files, nginx: new NginxControl(run, plan), redirect: new Redirect(run, files) };
}

/**
 * Puts a plan in force: first nginx, then the redirect into it; the other way round when the redirect goes. When nginx takes the
 * old ports itself or gives them free, a client finds them open throughout.
 */
export async function applyPlan(
  io: CommandIo,
  plan: FrontDoorPlan,
  { isDryRun, secretFile, assertAllowed }: ActionOptions & { readonly secretFile?: string },
): Promise<CommandResult> {
  const { files, nginx, redirect } = partsOf(io, plan);
  const { version, text } = nginxInclude(plan);
  const secret = secretFile === undefined ? null : await readSecret(secretFile);
  const json = { plan, version };
  const commands = plan.isRedirectOn ? redirect.commandsOn(plan) : redirect.commandsOff(plan);
  if (isDryRun)
    return {
      exitCode: EXIT_CODES.OK,
      lines: [
        `would write ${files.path('include')}:`,
        text,
        `would run: ${nginx.command('-T').join(' ')}`,
        `would run: ${nginx.command('-s', 'reload').join(' ')}`,
        'would run:',
        ...commands,
      ],
      json: { ...json, isDryRun: true, include: text, commands },
    };
  return withFrontDoorLock(async () => {
    try {
      await assertAllowed?.();
      const before = await recordedPlan(plan.directory);
      const isLeft =
        before?.isRedirectOn === true ||
        (await redirect.status()).hasTable === true ||
        (await redirect.filesLeft()).length > 0;
      const goesOff = !plan.isRedirectOn && isLeft;
      // At each moment nginx has the old ports or the redirect is on: both, while they change.
      const isLate = plan.listensOnOldPorts;
      const isEarly = plan.isRedirectOn && before?.listensOnOldPorts === true;
      const notes = goesOff && !isLate ? await redirect.turnOff(plan) : [];
      if (isEarly) notes.push(...(await redirect.turnOn(plan)));
      const isChanged = await applyInclude(plan, secret, files, nginx, io.signal);
      await redirect.bypassOff();
      if (goesOff && isLate) notes.push(...(await redirect.turnOff(plan)));
      if (plan.isRedirectOn && !isEarly) notes.push(...(await redirect.turnOn(plan)));
      const state = isChanged ? 'in force' : 'was in force already';
      return {
        exitCode: EXIT_CODES.OK,
        lines: [`plan ${version} ${state}: ${summary(plan)}`, ...notes],
        json: { ...json, isChanged, notes },
      };
    } catch (error) {
      if (!needsRoot(error)) throw error;
      return {
        exitCode: EXIT_CODES.NO_PERMISSION,
        lines: [error.message, 'The commands of the redirect, to run as root:', ...commands],
        json: { ...json, error: error.message, runAsRoot: commands },
      };
    }
  });
}

/** Until then another command can end; then the bypass takes connections past an nginx that it may wait for. */
const BYPASS_AFTER_MS = 1_000;
/** Longer than an `apply` takes that nginx does not put in force. */
const EMERGENCY_LOCK_WAIT_MS = 40_000;

/**
 * The emergency stop: blue alone. Each step is tried, whatever the others did. The redirect does not wait for another command,
 * and is turned off once more afterwards, because that command could have turned it on.
 */
export async function removeFrontDoor(
  io: CommandIo,
  plan: FrontDoorPlan,
  { isDryRun }: ActionOptions,
): Promise<CommandResult> {
  if (plan.blue === null)
    throw new UsageError('blue is none: the old server is stopped, and nothing else can answer');
  const { files, nginx, redirect } = partsOf(io, plan);
  if (isDryRun)
    return {
      exitCode: EXIT_CODES.OK,
      lines: [
        'would run:',
        ...redirect.commandsOff(plan),
        `would replace ${files.path('include')} by ${files.path('blueOnly')}: blue alone`,
        `would run: ${nginx.command('-s', 'reload').join(' ')}`,
      ],
      json: { isDryRun: true, version: nginxInclude(blueOnly(plan)).version },
    };
  const isStopped = redirect.stopNew().catch(() => undefined);
  const early: string[] = [];
  const work = async (): Promise<CommandResult> => {
    await isStopped;
    const notes = [...early];
    const failures: { readonly step: string; readonly error: Error }[] = [];
    const attempt = async (step: string, done: string, act: () => Promise<unknown>): Promise<void> => {
      try {
        await act();
        notes.push(`${step}: ${done}`);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        failures.push({ step, error });
        notes.push(`${step}: FAILED: ${error.message}`);
      }
    };
    await attempt('nginx', 'all to blue', () => applyBlueOnly(plan, files, nginx, io.signal));
    // An nginx that cannot be reloaded keeps its share.
    if (failures.length > 0)
      await attempt('bypass', 'on, connections of the sites reach blue without nginx', () =>
        redirect.bypassOn(plan),
      );
    else if (await redirect.isBypassOn()) await attempt('bypass', 'off', () => redirect.bypassOff());
    await attempt('redirect', 'off', async () => notes.push(...(await turnOff(redirect, plan))));
    const isForbidden = failures.some(({ error }) => needsRoot(error));
    return {
      exitCode:
        failures.length === 0 ? EXIT_CODES.OK : isForbidden ? EXIT_CODES.NO_PERMISSION : EXIT_CODES.FAILURE,
      lines: [...notes, ...(isForbidden ? ['run as root:', ...redirect.commandsOff(plan)] : [])],
      json: { notes, failures: failures.map(({ step, error }) => ({ step, error: error.message })) },
    };
  };
  return withFrontDoorLock(work, BYPASS_AFTER_MS).catch(async (error: unknown) => {
    if (!isBusy(error)) throw error;
    await redirect.bypassOn(plan).then(
      () => early.push('bypass: on, because another command is at work'),
      (fault: unknown) =>
        early.push(`bypass: FAILED: ${fault instanceof Error ? fault.message : String(fault)}`),
    );
    return withFrontDoorLock(work, EMERGENCY_LOCK_WAIT_MS);
  });
}

/** Compares the plan with what nginx and nft do. */
export async function frontDoorStatus(io: CommandIo, plan: FrontDoorPlan): Promise<CommandResult> {
  const { run, files, nginx, redirect } = partsOf(io, plan);
  const { version } = nginxInclude(plan);
  const [running, refusal, isReadable, isCut, table, filesLeft, shuttingDown] = [
    await nginx.status(),
    await refusalOf(nginx, files.path('include')),
    (await files.read('include')) !== null,
    (await files.read('unverified')) !== null,
    await redirect.status(),
    plan.isRedirectOn ? [] : await redirect.filesLeft(),
    (await run('pgrep', ['-cf', 'nginx: worker process is shutting down'])).stdout.trim(),
  ];
  const colors = {
    blue: await reachable(plan.blue),
    green: await reachable(plan.green),
  };
  const faults = [
    ...(isReadable ? [] : [`${files.path('include')} does not exist: nothing was applied yet`]),
    ...(running === null ? [`nginx does not answer on port ${plan.ports.status}`] : []),
    ...(refusal === null ? [] : [`the next reload fails, that of an emergency too: ${refusal}`]),
    ...(running !== null && running.version !== version
      ? [`nginx uses version ${running.version}, the include is ${version}: apply it again`]
      : []),
    ...(isCut ? ['the last apply did not end, or it failed: apply it again'] : []),
    ...filesLeft.map((path) => `${path} would turn the redirect on at the next boot: apply the plan again`),
    ...(table.isOn !== null && table.isOn !== plan.isRedirectOn
      ? [
          `the redirect is ${table.isOn ? 'on' : 'off'}, the plan says ${plan.isRedirectOn ? 'on' : 'off'}: apply it again`,
        ]
      : []),
    ...Object.entries(colors).flatMap(([name, isUp]) =>
      isUp === false ? [`${name} refuses connections`] : [],
    ),
  ];
  return {
    exitCode: faults.length === 0 ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
    lines: [
      `plan ${version}: ${summary(plan)}`,
      `nginx: ${running === null ? 'no answer' : `version ${running.version}, share ${running.share}, mirror ${running.mirror ? 'on' : 'off'}`}`,
      `old workers with open sockets: ${shuttingDown || 'unknown'}`,
      `redirect: ${table.isOn === null ? 'unknown (needs root)' : table.isOn ? `on, ${table.connections} connections` : table.hasTable ? 'off; its table keeps open connections' : 'off'}`,
      ...faults.map((fault) => `FAULT: ${fault}`),
    ],
    json: {
      plan,
      version,
      nginx: running,
      redirect: table,
      oldWorkers: Number(shuttingDown) || 0,
      colors,
      faults,
    },
  };
}

/** Why nginx would not load its configuration again, also because of a file of another program; null: it would, or only root can know. */
async function refusalOf(nginx: NginxControl, include: string): Promise<string | null> {
  try {
    await nginx.test(include);
    return null;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return /Permission denied/i.test(error.message) ? null : error.message;
  }
}

/**
 * Names the times in which green did not take posts that blue took.
 * @param withoutGapMs a gap that ended less than this ago gives exit code 1
 */
export async function greenGaps(plan: FrontDoorPlan, withoutGapMs: number): Promise<CommandResult> {
  const log = join(plan.logDirectory, MISSED_LOG);
  const gaps = await readGreenGaps(log).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${log} cannot be read (${error.code})`, EXIT_CODES.IO);
  });
  const last = gaps.at(-1);
  const sinceLastMs = last ? Math.max(0, Date.now() - last.toMs) : null;
  const isQuiet = sinceLastMs === null || sinceLastMs >= withoutGapMs;
  const posts = gaps.reduce((sum, gap) => sum + gap.posts, 0);
  return {
    exitCode: isQuiet ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
    lines: [
      ...gaps.map(
        (gap) =>
          `${iso(gap.fromMs)} to ${iso(gap.toMs)}: ${gap.posts} posts of ${gap.addresses.join(', ')} are not on green`,
      ),
      sinceLastMs === null
        ? `no gap in ${log}`
        : `${gaps.length} gaps, ${posts} posts; the last one ended ${Math.floor(sinceLastMs / 1_000)} s ago`,
    ],
    json: {
      gaps: gaps.map(({ fromMs, toMs, ...gap }) => ({ from: iso(fromMs), to: iso(toMs), ...gap })),
      posts,
      secondsSinceLast: sinceLastMs === null ? null : sinceLastMs / 1_000,
    },
  };
}

const iso = (atMs: number): string => new Date(atMs).toISOString();

/** The plan of the last `apply` in this directory; null before the first one. */
export async function recordedPlan(directory: string): Promise<FrontDoorPlan | null> {
  const text = await new FrontDoorFiles(directory).read('include');
  return text === null ? null : planOf(text);
}

export function summary(plan: FrontDoorPlan): string {
  const { share, boxAddresses, blue, green } = plan;
  const count = share === 'one' ? ` (${boxAddresses.join(', ')})` : '';
  return [
    `blue ${blue?.http ?? 'none'}`,
    `green ${green?.http ?? 'none'}`,
    `share of green ${share}${count}`,
    `mirror ${plan.isMirrorOn ? 'on' : 'off'}`,
    `redirect ${plan.isRedirectOn ? 'on' : 'off'}`,
  ].join(', ');
}

/** An error names the file and never its content. */
async function readSecret(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(
      `mirror-secret-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`,
    );
  });
  const secret = text.trim();
  // nginx expands `$` and reads quotes and backslashes.
  if (!/^[\w.~+/=-]{32,200}$/.test(secret))
    throw new UsageError(
      `mirror-secret-file: ${path} must hold 32 to 200 letters, digits and ". _ ~ + / = -"`,
    );
  return secret;
}

/** A machine without nft has no redirect. */
async function turnOff(redirect: Redirect, plan: FrontDoorPlan): Promise<readonly string[]> {
  return redirect.turnOff(plan).catch((error: unknown) => {
    const isMissing = error instanceof CommandError && error.exitCode === EXIT_CODES.UNAVAILABLE;
    if (!isMissing || plan.isRedirectOn) throw error;
    return [];
  });
}

const isBusy = (error: unknown): boolean =>
  error instanceof CommandError && error.exitCode === EXIT_CODES.TEMPORARY_FAILURE;

const needsRoot = (error: unknown): error is CommandError =>
  error instanceof CommandError && error.exitCode === EXIT_CODES.NO_PERMISSION;

async function reachable(color: ColorAddresses | null): Promise<boolean | null> {
  if (color === null) return null;
  const all = await Promise.all([color.http, color.sockets].map(acceptsAt));
  return all.every(Boolean);
}

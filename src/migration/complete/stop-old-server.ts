import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT_CODES, InterruptedError } from '../../core/commands/index.js';
import { COLOR_HEADER } from '../front-door/nginx-include.js';
import { FrontDoorFiles } from '../front-door/front-door-files.js';
import type { ColorAddresses } from '../front-door/front-door-plan.js';
import type { CompleteContext, CompleteStep } from './complete-context.js';
import type { TeeStatus } from './green-ops.js';

/** The old server reports a vehicle as offline 60 s after its last post: it must have ended before. */
const PAUSE_S = 30;
/** A post waits longer only when the old server does not take posts. */
const MAX_LAG_MS = 2_000;
const LAG_LIMIT_MS = 30_000;
/** Longer than the limit of one request to the old server. */
const IN_FLIGHT_LIMIT_MS = 12_000;
/** The old server answers first and writes afterwards. */
const WRITES_SETTLE_MS = 1_000;
const START_LIMIT_MS = 60_000;
/** Longer than PM2 takes to act on a command. */
const STAYS_MS = 1_000;
const MAX_STARTS = 3;
const PAUSE_MS = 100;

export const stopOldServer: CompleteStep = {
  name: 'stop-old-server',
  text: 'pass no more post on to the old server, stop it with PM2, and mark it as stopped in the saved list of PM2, so that a reboot does not start it',
  undoText:
    'start the old server with PM2, wait for its answer, and mark it as online in the saved list of PM2',
  isDone: ({ pm2 }) => pm2.isStopped(),
  run: async (context) => {
    const { pm2, green, frontDoor, assertOwner } = context;
    // After a kill it can be stopped and not saved.
    const running = await pm2.running();
    const wasPassing = running.length > 0 && (await pauseTee(context));
    const files = new FrontDoorFiles(frontDoor);
    const startMs = performance.now();
    try {
      await assertOwner();
      await files.write('blueStopped', '');
      await pm2.stop(running);
    } catch (error) {
      // While it runs, it needs its posts.
      if (wasPassing) await green.pauseTee(0).catch(() => undefined);
      if ((await pm2.running().catch(() => [])).length > 0) await files.remove('blueStopped');
      throw error;
    }
    const stoppedMs = Math.round(performance.now() - startMs);
    await assertOwner();
    await pm2.saved.setStatus(pm2.name, 'stopped');
    return { stoppedMs };
  },
  undo: async ({ pm2, wayBack, noted, io, frontDoor, say, assertOwner }) => {
    await assertOwner();
    const startMs = performance.now();
    const removed = await wayBack.read();
    if (removed !== null && (await pm2.processes()).length === 0) await pm2.restore(removed);
    const blue = noted?.plan.blue;
    for (let tries = 1; ; tries += 1) {
      await pm2.start();
      if (blue) await untilAnswers(blue, io.signal);
      // A `pm2 stop` of a `complete` that was killed can take effect after the start.
      await sleep(STAYS_MS);
      if ((await pm2.processes()).every(({ status }) => status === 'online')) break;
      if (tries === MAX_STARTS)
        throw new CommandError(`${pm2.name} does not stay online (pm2 logs)`, EXIT_CODES.UNAVAILABLE);
    }
    const upMs = Math.round(performance.now() - startMs);
    say(`the old server answers after ${upMs} ms`);
    await pm2.saved.setStatus(pm2.name, 'online');
    await new FrontDoorFiles(frontDoor).remove('blueStopped');
    return { upMs };
  },
};

/** @returns false when nothing is passed on, so there is nothing to pause */
async function pauseTee({ green, io: { signal } }: CompleteContext): Promise<boolean> {
  const isSettled = ({ state, oldestMs }: TeeStatus): boolean =>
    state !== 'held' && state !== 'stalled' && oldestMs < MAX_LAG_MS;
  // Of a command that was killed.
  if ((await green.tee()).state === 'paused') await green.pauseTee(0);
  const first = await teeUntil(green, isSettled, LAG_LIMIT_MS, signal);
  if (first === null) throw teeFault('posts wait for the old server, so they would not reach it any more');
  if (first.state === 'off' || first.state === 'idle') return false;
  await green.pauseTee(PAUSE_S);
  const isEmpty = ({ inFlight }: TeeStatus): boolean => inFlight === 0;
  do {
    if ((await teeUntil(green, isEmpty, IN_FLIGHT_LIMIT_MS, signal)) === null) {
      await green.pauseTee(0);
      throw teeFault('the old server does not answer its last request');
    }
    await sleep(WRITES_SETTLE_MS);
    // A crash report can have been about to be sent.
  } while (!isEmpty(await green.tee()));
  // The time begins again: the stop is next.
  await green.pauseTee(PAUSE_S);
  return true;
}

/** @returns null after the limit */
async function teeUntil(
  green: CompleteContext['green'],
  condition: (tee: TeeStatus) => boolean,
  limitMs: number,
  signal: AbortSignal,
): Promise<TeeStatus | null> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const tee = await green.tee();
    if (condition(tee)) return tee;
    if (performance.now() > endMs) return null;
    if (signal.aborted) throw new InterruptedError();
    await sleep(PAUSE_MS);
  }
}

const teeFault = (why: string): CommandError =>
  new CommandError(
    `${why}: look at the old server (pm2 logs) and at /api/v1/ops/legacy-tee; it was not stopped`,
    EXIT_CODES.FAILURE,
  );

/** @throws CommandError after the limit */
async function untilAnswers({ http }: ColorAddresses, signal: AbortSignal): Promise<void> {
  const endMs = performance.now() + START_LIMIT_MS;
  while (!(await answers(http))) {
    if (signal.aborted) throw new InterruptedError();
    if (performance.now() > endMs)
      throw new CommandError(
        `the old server was started and does not answer GET http://${http}/ within ${START_LIMIT_MS / 1_000} s (pm2 logs)`,
        EXIT_CODES.UNAVAILABLE,
      );
    await sleep(PAUSE_MS);
  }
}

/** The old server itself, not the front door on its ports. */
async function answers(address: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(1_000) });
    await response.body?.cancel();
    return response.status === 200 && !response.headers.has(COLOR_HEADER);
  } catch {
    return false;
  }
}

import { dirname, join } from 'node:path';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { programRunner } from '../front-door/run-program.js';
import { nginxInclude } from '../front-door/nginx-include.js';
import { recordedPlan } from '../front-door/front-door-actions.js';
import type { OldProcess } from '../preflight/old/pm2-processes.js';
import { MoveJournal } from '../shift/move-journal.js';
import type { MoveState } from '../shift/move-state.js';
import type { CompleteContext } from './complete-context.js';
import { Evidence } from './evidence.js';

const HOUR_MS = 3_600_000;

export interface DecommissionOptions {
  /** Directory of the journal. */
  readonly state: string;
  /** Directory in which a directory for the evidence is made. */
  readonly evidence: string;
  /** Hours since the end of `complete`. */
  readonly soakH: number;
}

export const DECOMMISSION_PLAN: readonly string[] = [
  'would do, each step after a look whether it is done:',
  '1. verify that the move is done, that Samserver has the role, and that the old server is stopped',
  '2. copy the evidence: list of PM2, process list, ends of the logs, hashes of the program, include of nginx, journal',
  '3. keep what PM2 needs to have the old server again (way-back.json, mode 0600)',
  '4. remove the old server from PM2 and from its saved list; other applications stay',
  '5. when no application is left: disable the start of PM2 with the machine',
  'no file of the old server is deleted; back: samserver shift rollback',
];

/**
 * Takes the old server out of the start of the machine. Its files stay.
 * @returns what was done
 * @throws CommandError before anything was changed, or of the step that failed; it can be run again
 */
export async function decommission(
  context: CompleteContext,
  { state, evidence, soakH }: DecommissionOptions,
  move: MoveState,
): Promise<readonly string[]> {
  const { pm2, wayBack } = context;
  assertSoaked(move, soakH, Date.now());
  await assertStopped(context);
  const processes = await pm2.processes();
  if (processes.length === 0) {
    // A kill between the two.
    await pm2.saved.remove(pm2.name);
    return [`PM2 has no process "${pm2.name}": it was removed before`];
  }
  const lines = await collect(context, evidence, state, processes);
  await wayBack.write(await pm2.entries());
  await pm2.delete();
  lines.push(`${pm2.name} is removed from PM2; the way back is in ${wayBack.path}`);
  const others = new Set([...(await pm2.all()).map(({ name }) => name), ...(await pm2.saved.names())]);
  lines.push(
    ...(others.size > 0
      ? [`other applications stay under PM2: ${[...others].join(', ')}`]
      : await disableStart(context, processes)),
  );
  return lines;
}

/** @throws CommandError */
export function assertSoaked({ phase, phaseSince }: MoveState, soakH: number, nowMs: number): void {
  if (phase !== 'done')
    throw new CommandError(
      `the move is in phase ${phase ?? 'none'}: samserver shift complete comes first`,
      EXIT_CODES.FAILURE,
    );
  const leftMs = Date.parse(phaseSince ?? '') + soakH * HOUR_MS - nowMs;
  if (leftMs > 0)
    throw new CommandError(
      `the move is done since ${phaseSince}; wait another ${(leftMs / HOUR_MS).toFixed(1)} h (--soak-h ${soakH})`,
      EXIT_CODES.FAILURE,
    );
}

/** @throws CommandError */
async function assertStopped({ pm2, green }: CompleteContext): Promise<void> {
  if (!(await pm2.isStopped()))
    throw new CommandError(
      `${pm2.name} runs, or starts with the machine: samserver shift complete`,
      EXIT_CODES.FAILURE,
    );
  if ((await green.role()).role !== 'samserver')
    throw new CommandError('the old server has the role: samserver shift complete', EXIT_CODES.FAILURE);
}

async function collect(
  { pm2, frontDoor }: CompleteContext,
  root: string,
  state: string,
  processes: readonly OldProcess[],
): Promise<string[]> {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  const evidence = await Evidence.create(join(root, `decommission-${stamp}`));
  const lines: string[] = [];
  await evidence.add('dump.pm2', (await pm2.saved.text()) ?? '[]');
  await evidence.add('processes.json', JSON.stringify((await pm2.all()).map(withoutSecrets), null, 2));
  const plan = await recordedPlan(frontDoor);
  if (plan) await evidence.add('front-door.conf', nginxInclude(plan).text);
  const journal = await MoveJournal.read(state);
  await evidence.add('journal.jsonl', journal.map((record) => `${JSON.stringify(record)}\n`).join(''));
  for (const log of new Set(processes.flatMap(({ logs }) => logs))) lines.push(await evidence.addLog(log));
  for (const [n, directory] of [...new Set(processes.map(({ script }) => dirname(script)))].entries()) {
    const count = await evidence.addManifest(`program-${n + 1}.sha256`, directory);
    lines.push(`${directory}: ${count} files hashed; pictures and packages are left out`);
  }
  await evidence.add('summary.txt', lines.map((line) => `${line}\n`).join(''));
  const sha256 = await evidence.close();
  return [`evidence in ${evidence.directory}; SHA256SUMS has sha256 ${sha256}`, ...lines];
}

function withoutSecrets({ env, ...known }: OldProcess): object {
  return { ...known, variables: [...env.keys()].sort() };
}

/** Disabled and not removed, so that one command brings it back. `pm2 unstartup` would start a daemon to remove it. */
async function disableStart({ io }: CompleteContext, [first]: readonly OldProcess[]): Promise<string[]> {
  const unit = `pm2-${first?.user ?? 'root'}.service`;
  const run = programRunner(io.env);
  if ((await run('systemctl', ['is-enabled', unit])).stdout.trim() !== 'enabled')
    return [`no application is left under PM2; systemd does not start it (${unit})`];
  const { code, stderr } = await run('systemctl', ['disable', unit]);
  if (code !== 0)
    return [`no application is left under PM2; run as root: systemctl disable ${unit} (${stderr.trim()})`];
  return [`no application is left under PM2: ${unit} is disabled; back: systemctl enable ${unit}`];
}

import {
  type CommandIo,
  type CommandResult,
  type DefineCommand,
  EXIT_CODES,
  type ExitCode,
  exitCodesHelp,
  printResult,
  UsageError,
} from '../../core/commands/index.js';
import { ApiClient, ApiSession } from '../../tools/client/index.js';
import { findAdminLogin, withServiceErrors } from '../../tools/index.js';
import { addLoadOptions, type LoadOptions } from './load-options.js';
import { type LoadPlan, planLines, planLoad } from './load-plan.js';
import { reportLines } from './load-report.js';
import { type Login, LoadRun } from './load-run.js';
import { requireOwnTargets } from './own-targets.js';

/** `samserver load` */
export const loadCommand: DefineCommand = (command, io, setExitCode) => {
  command.description(
    'Sends what boxes, devices, panels and watchers send and receive, at a fixed rate whatever the answers are, and then ' +
      'looks for every post in the stores: stored once, lost, doubled, or unknown. It loads this machine only; another ' +
      'host has to be named with --i-own-this.',
  );
  addLoadOptions(command)
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'every post was acknowledged and is stored once, and every panel and watcher received it',
        FAILURE: 'a post was lost, doubled, refused, skipped or timed out, or the load ended early',
        USAGE: 'wrong usage, or a target that is not this machine',
        UNAVAILABLE: 'a server or the database is not reachable',
        IO: 'the ledger cannot be written',
        INTERRUPTED: 'interrupted; the report contains every post that was sent',
      }),
    )
    .action(async (options: LoadOptions) => setExitCode(await load(io, options)));
};

async function load(io: CommandIo, options: LoadOptions): Promise<ExitCode> {
  const oldDatabaseUrl = options.oldDatabase ?? (io.env['OLD_DATABASE_URL'] || null);
  const plan = planLoad(options, oldDatabaseUrl !== null);
  await requireOwnTargets(targetsOf(plan), options.iOwnThis);
  if (options.dryRun) return printResult(io, options.json, planResult(plan));
  if (!options.json) io.stderr.write(`${planLines(plan).join('\n')}\n`);
  return withServiceErrors(async () => {
    const login = plan.needsLogin ? await logIn(io, options) : null;
    const url = options.stores.includes('old') ? oldDatabaseUrl : null;
    const report = await LoadRun.run(plan, options, login, url, io);
    return printResult(io, options.json, {
      exitCode: report.exitCode,
      lines: reportLines(report),
      json: { ...report },
    });
  });
}

function targetsOf(plan: LoadPlan): string[] {
  return [
    ...(plan.boxCodes.length > 0 ? [plan.boxesUrl] : []),
    ...(plan.panels > 0 ? [plan.panelsUrl] : []),
    ...(plan.needsLogin ? [plan.url, plan.socketUrl] : []),
  ];
}

/** @throws UsageError for a live service without --yes */
async function logIn(io: CommandIo, options: LoadOptions): Promise<Login> {
  const { email, password } = await findAdminLogin(options, io.env);
  const session = new ApiSession(options.url, email, password);
  const api = new ApiClient(options.url, { accessToken: session.accessToken });
  if (!options.yes && (await api.me()).isLive)
    throw new UsageError(
      `${options.url} is a live service (ENVIRONMENT=LIVE): the load would show vehicles that do not exist in the real ` +
        'operation. To load it all the same, add --yes',
    );
  return { session, api };
}

function planResult(plan: LoadPlan): CommandResult {
  return { exitCode: EXIT_CODES.OK, lines: planLines(plan), json: { ...plan } };
}

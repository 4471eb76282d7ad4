import { writeFile } from 'node:fs/promises';
import {
  CommandError,
  type CommandIo,
  type CommandResult,
  type DefineCommand,
  EXIT_CODES,
  type ExitCode,
  exitCodesHelp,
  printResult,
} from '../../core/commands/index.js';
import { findAdminLogin, withServiceErrors } from '../../tools/index.js';
import { ApiClient, ApiSession } from '../../tools/client/index.js';
import {
  addCompareOptions,
  type CompareOptions,
  type ComparePlan,
  planComparison,
} from './compare-options.js';
import { reportLines } from './compare-report.js';
import { runComparison } from './compare-run.js';
import { htmlReport } from './html-report.js';

/** `samserver compare` */
export const compareCommand: DefineCommand = (command, io, setExitCode) => {
  command.description(
    'Compares what the old server and Samserver have: stored positions, pictures, crashes and vehicle documents of every ' +
      'box, notifications, the frames of a panel on each side, and the answers to the GET requests of an access log. ' +
      'Differences that are intended are counted by rule; any other one is a finding. It only reads.',
  );
  addCompareOptions(command)
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'no difference that is not known',
        FAILURE: 'a finding, a box that one side does not know, a p99 above the limit, or nothing to compare',
        USAGE: 'wrong usage',
        UNAVAILABLE: 'a server or the database is not reachable',
        IO: 'the access log or the report cannot be read or written',
        INTERRUPTED: 'interrupted; the report contains what was compared',
      }),
    )
    .action(async (options: CompareOptions) => setExitCode(await compare(io, options)));
};

async function compare(io: CommandIo, options: CompareOptions): Promise<ExitCode> {
  const plan = planComparison(options, io.env, Date.now());
  if (options.dryRun) return printResult(io, options.json, planResult(plan, options));
  return withServiceErrors(async () => {
    const report = await runComparison(plan, options, await logIn(plan, options, io), io);
    if (options.html !== undefined)
      await writeFile(options.html, htmlReport(report), { mode: 0o600 }).catch((error: unknown) => {
        throw new CommandError(`${options.html}: ${(error as Error).message}`, EXIT_CODES.IO, {
          cause: error,
        });
      });
    return printResult(io, options.json, {
      exitCode: report.exitCode,
      lines: reportLines(report),
      json: { ...report },
    });
  });
}

/** The stores need a login; frames and pages do not. */
async function logIn(plan: ComparePlan, options: CompareOptions, io: CommandIo): Promise<ApiClient | null> {
  if (plan.oldDatabaseUrl === null) return null;
  const { email, password } = await findAdminLogin(options, io.env);
  const session = new ApiSession(options.url, email, password);
  await session.accessToken();
  return new ApiClient(options.url, { accessToken: session.accessToken });
}

function planResult(plan: ComparePlan, options: CompareOptions): CommandResult {
  const { fromMs, toMs, lagMs, watchMs, timeZone, oldDatabaseUrl } = plan;
  const range = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
  const pictures = options.oldPictures === undefined ? 'no pictures' : `pictures, names in ${timeZone}`;
  return {
    exitCode: EXIT_CODES.OK,
    lines: [
      oldDatabaseUrl === null
        ? 'no stores'
        : `stores: ${range.from} to ${range.to}, lag window ${lagMs / 1_000} s, ${pictures}`,
      watchMs === null ? 'no frames' : `frames of a panel on each side for ${watchMs / 1_000} s`,
      options.accessLog === undefined
        ? 'no requests'
        : `at most ${options.gets} GET and HEAD requests, ${options.getRate} a second`,
    ],
    json: { ...range, lagS: lagMs / 1_000, watchS: watchMs === null ? null : watchMs / 1_000, timeZone },
  };
}

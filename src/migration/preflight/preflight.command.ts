import { InvalidArgumentError, Option } from 'commander';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type CommandIo,
  type DefineCommand,
  EXIT_CODES,
  exitCodesHelp,
  InterruptedError,
  numberArgument,
  printResult,
  secondsArgument,
} from '../../core/commands/index.js';
import type { PreflightOptions } from './preflight-options.js';
import { runPreflight } from './preflight.js';
import { reportOf } from './report.js';
import { SecretCensor } from './secret-censor.js';

const MAX_PORT = 65_535;
const MAX_UID = 4_294_967_294;
const DEFAULT_SAMPLE_MS = 30_000;
const NGINX_LOG = '/var/log/nginx/access.log';

type GivenOptions = Omit<PreflightOptions, 'home' | 'program' | 'recorded' | 'envFiles' | 'accessLog'> & {
  readonly pm2Home?: string;
  readonly pm2: string;
  readonly jlist?: string;
  readonly envFile?: readonly string[];
  readonly accessLog?: readonly string[];
};

/** `samserver preflight` */
export const preflightCommand: DefineCommand = (command, io, setExitCode) => {
  const port = numberArgument(1, MAX_PORT);
  command
    .description(
      'Looks at the old server under PM2 and at this machine, and reports in Markdown whether Samserver can start beside it. ' +
        'Maps every setting of the old server, and writes the proposed settings with --write. Changes nothing else, starts no ' +
        'PM2, and prints no secret.',
    )
    .option('--pm2-home <dir>', 'PM2_HOME of the old server (default: PM2_HOME, else ~/.pm2)')
    .option('--pm2 <program>', 'the program pm2', 'pm2')
    .option('--jlist <file>', 'a recorded output of pm2 jlist, in place of the running PM2')
    .option('--process <name>', 'name of the old server in PM2', 'tracking')
    .option('--env-file <file...>', 'settings of the old server (default: .env in its working directory)')
    .option('--old-http-port <n>', 'HTTP port of the old server', port, 5_000)
    .option(
      '--old-socket-port <n>',
      'socket port of the old server (default: SOCKET_SERVER_PORT, else 5050)',
      port,
    )
    .addOption(
      new Option('--sample <s>', 'time for which connections to these ports are sampled, seconds')
        .argParser(secondsArgument(0, 3_600))
        .default(DEFAULT_SAMPLE_MS, String(DEFAULT_SAMPLE_MS / 1_000)),
    )
    .option('--access-log <file...>', `access log of nginx (default: ${NGINX_LOG}, when it exists)`)
    .option('--pictures <dir>', 'picture folder of the old server (default: beside its working directory)')
    .option(
      '--time-zone <name>',
      'time zone of the old server (default: its TZ, else that of this machine)',
      timeZone,
    )
    .option(
      '--uid <n>',
      'user that Samserver will run as (default: the owner of the pictures)',
      numberArgument(0, MAX_UID),
    )
    .option('--gid <n>', 'its group', numberArgument(0, MAX_UID))
    .option('--http-port <n>', 'HTTP port for Samserver', port, 5_200)
    .option('--socket-port <n>', 'socket port for Samserver', port, 5_250)
    .option('--on-host', 'Samserver will run without a container', false)
    .option('--admin-email <address>', 'e-mail address of the first admin')
    .option('--certificate <file>', 'certificate with its chain (PEM) that clients get')
    .option('--host-name <name...>', 'names that clients use')
    .option('--url <address>', 'address of the service as clients outside use it', webAddress)
    .option(
      '--probe-writes',
      'prove the right to write: make and drop the collection samserver_preflight',
      false,
    )
    .option('--write <dir>', 'write .env and the secrets (mode 0600) into this directory', (dir) =>
      resolve(dir),
    )
    .option('--force', 'with --write: replace existing files', false)
    .option('--dry-run', 'write nothing, neither files nor to the database', false)
    .option('--json', 'print one JSON object on stdout', false)
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'the next phase may start: no check failed, and each required one was made',
        FAILURE: 'the next phase must not start',
        USAGE: 'wrong usage',
        INTERRUPTED: 'interrupted',
      }),
    )
    .action(async (given: GivenOptions) => {
      const options = withDefaults(given, io);
      const censor = new SecretCensor();
      try {
        setExitCode(printResult(io, options.json, reportOf(await runPreflight(io, options, censor), censor)));
      } catch (error) {
        if (io.signal.aborted) throw new InterruptedError();
        // The message can come from a library and contain what was read.
        const text = error instanceof Error ? error.message : String(error);
        io.stderr.write(`preflight: ${censor.clean(text)}\n`);
        setExitCode(EXIT_CODES.SOFTWARE);
      }
    });
};

function withDefaults(
  { pm2Home, pm2, jlist, envFile, ...given }: GivenOptions,
  { env }: CommandIo,
): PreflightOptions {
  return {
    ...given,
    home: resolve(pm2Home ?? env['PM2_HOME'] ?? join(env['HOME'] ?? '/', '.pm2')),
    program: pm2,
    recorded: jlist,
    envFiles: envFile,
    accessLog: given.accessLog ?? (existsSync(NGINX_LOG) ? [NGINX_LOG] : []),
    hostName: given.hostName ?? [],
  };
}

function timeZone(text: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new InvalidArgumentError('Give the name of a time zone, as in Asia/Bangkok.');
  }
}

function webAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError('Give an address with http:// or https://.');
  // The report shows a command with it in single quotes.
  return url.href.replaceAll("'", '%27');
}

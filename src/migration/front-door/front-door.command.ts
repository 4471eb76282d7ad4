import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type CommandIo,
  type CommandResult,
  type DefineCommand,
  EXIT_CODES,
  type ExitCode,
  exitCodesHelp,
  numberArgument,
  printResult,
} from '../../core/commands/index.js';
import {
  applyPlan,
  frontDoorStatus,
  greenGaps,
  recordedPlan,
  removeFrontDoor,
} from './front-door-actions.js';
import { FrontDoorFiles } from './front-door-files.js';
import { withFrontDoorLock } from './front-door-lock.js';
import {
  assertPlan,
  type ColorAddresses,
  DEFAULT_PLAN,
  type FrontDoorPlan,
  type Share,
  SHARES,
} from './front-door-plan.js';
import { Redirect } from './redirect.js';
import { programRunner } from './run-program.js';
import { selfTest } from './self-test.js';

interface CommonOptions {
  readonly directory: string;
  readonly json: boolean;
}

interface ApplyOptions extends CommonOptions {
  readonly blue?: ColorAddresses | null;
  readonly green?: ColorAddresses | null;
  readonly share?: Share;
  readonly boxes?: readonly string[];
  readonly boxAddresses?: readonly string[];
  readonly panels?: readonly string[];
  readonly mirror?: boolean;
  readonly mirrorSecretFile?: string;
  readonly redirect?: boolean;
  readonly ownPorts?: boolean;
  readonly excludeInterfaces?: readonly string[];
  readonly ports?: FrontDoorPlan['ports'];
  readonly spool?: string;
  readonly logs?: string;
  readonly container?: string | null;
  readonly dryRun: boolean;
}

/** `samserver front-door apply|status|gaps|remove|self-test` */
export const frontDoorCommand: DefineCommand = (command, io, setExitCode) => {
  command
    .description(
      'Shares the clients of the old server (blue) and Samserver (green) in nginx, mirrors posts to green, and takes new ' +
        'connections to ports 5000 and 5050 into nginx. docs/front-door.md describes it.',
    )
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'done; status and self-test: everything is as planned; gaps: no gap within --without-gap',
        FAILURE:
          'nginx or nft refuses; what was in force before is in force. status and self-test: at least one fault; gaps: a gap within --without-gap',
        USAGE: 'wrong usage',
        UNAVAILABLE: 'nginx does not run, or a program is missing',
        IO: 'a file cannot be written, e.g. the disk is full',
        TEMPORARY_FAILURE: 'another front-door command is at work',
        NO_PERMISSION: 'root is needed; the output has the commands',
        INTERRUPTED: 'interrupted; what was in force before is in force',
      }),
    );

  defineApply(common(command.command('apply'))).action(async (options: ApplyOptions) => {
    setExitCode(print(io, options, await apply(io, options)));
  });

  common(command.command('status'))
    .description('Shows the plan in force and compares it with nginx, the redirect and both servers.')
    .action(async (options: CommonOptions) =>
      setExitCode(print(io, options, await frontDoorStatus(io, await knownPlan(options.directory)))),
    );

  common(command.command('gaps'))
    .description('Names the times in which green did not take posts that blue took, from a log of nginx.')
    .option(
      '--without-gap <s>',
      'exit code 1 when a gap ended less than this time ago',
      numberArgument(0, 604_800),
      600,
    )
    .action(async (options: CommonOptions & { readonly withoutGap: number }) =>
      setExitCode(
        print(io, options, await greenGaps(await knownPlan(options.directory), options.withoutGap * 1_000)),
      ),
    );

  common(command.command('remove'))
    .description(
      'Emergency stop: removes the redirect and its boot unit, and sends all requests to blue alone.',
    )
    .option('--dry-run', 'print what would be done', false)
    .action(async (options: CommonOptions & { readonly dryRun: boolean }) =>
      setExitCode(
        print(
          io,
          options,
          await removeFrontDoor(io, await knownPlan(options.directory), { isDryRun: options.dryRun }),
        ),
      ),
    );

  common(command.command('self-test'))
    .description(
      'Tests with connections from this machine, from a container and from outside that nothing loops and that the firewall ' +
        'accepts redirected connections. Needs root and iproute2. Clients notice nothing, also before the redirect is on.',
    )
    .action(async (options: CommonOptions) =>
      setExitCode(print(io, options, await runSelfTest(io, options.directory))),
    );
};

function defineApply(command: Command): Command {
  const onOff = (name: string, text: string): Option =>
    new Option(`--${name} <on|off>`, text).argParser(onOffArgument);
  return command
    .description(
      'Puts a plan in force: writes the include, tests it, reloads nginx and verifies it. Options that are not given keep the ' +
        'value of the last apply.',
    )
    .option('--blue <addresses>', colorText('old server', DEFAULT_PLAN.blue), colorArgument)
    .option('--green <addresses>', colorText('Samserver', DEFAULT_PLAN.green), colorArgument)
    .addOption(
      new Option(
        '--share <share>',
        "green's share of the boxes' posts, by client address (default: none)",
      ).choices(SHARES),
    )
    .option(
      '--box-addresses <list>',
      'addresses or networks that go to green with the shares one and half',
      listArgument,
    )
    .addOption(
      new Option(
        '--boxes <codes>',
        'the same by box code: their last addresses in the records of Samserver, whose MONGODB_URL it needs',
      )
        .argParser(listArgument)
        .conflicts('boxAddresses'),
    )
    .option(
      '--panels <list>',
      'addresses of test panels, whose sockets and requests go to green',
      listArgument,
    )
    .addOption(onOff('mirror', 'also send the posts for blue to green (default: off)'))
    .option('--mirror-secret-file <file>', 'the file with LEGACY_MIRROR_SECRET; needed once')
    .addOption(onOff('redirect', 'take new connections to ports 5000 and 5050 into nginx (default: off)'))
    .option(
      '--exclude-interfaces <list>',
      'interfaces that are not redirected, beside those of containers',
      listArgument,
    )
    .addOption(
      onOff('own-ports', 'nginx listens on ports 5000 and 5050 itself; needs --blue none (default: off)'),
    )
    .option('--ports <http,sockets,status>', 'ports of nginx (default: 15000,15050,15001)', portsArgument)
    .option('--spool <dir>', `for large bodies (default: ${DEFAULT_PLAN.spoolDirectory})`)
    .option('--logs <dir>', `for the logs of nginx (default: ${DEFAULT_PLAN.logDirectory})`)
    .option(
      '--container <name>',
      'nginx runs in this container, in the network of the host; none: on the host',
      noneArgument,
    )
    .option('--dry-run', 'print the include and the commands; change nothing', false);
}

const common = (command: Command): Command =>
  command
    .option('--directory <dir>', 'the directory that nginx includes', DEFAULT_PLAN.directory)
    .option('--json', 'print one JSON object on stdout', false);

const print = (io: CommandIo, { json }: CommonOptions, result: CommandResult): ExitCode =>
  printResult(io, json, result);

const knownPlan = async (directory: string): Promise<FrontDoorPlan> =>
  (await recordedPlan(directory)) ?? { ...DEFAULT_PLAN, directory };

async function apply(io: CommandIo, options: ApplyOptions): Promise<CommandResult> {
  // Loaded on use: all other commands work without the database and its packages.
  const recorded =
    options.boxes && (await (await import('./recorded-boxes.js')).recordedAddresses(io, options.boxes));
  const plan = await planFrom({ ...options, boxAddresses: recorded?.addresses ?? options.boxAddresses });
  const result = await applyPlan(io, plan, {
    isDryRun: options.dryRun,
    secretFile: options.mirrorSecretFile,
  });
  return { ...result, lines: [...(recorded?.notes ?? []), ...result.lines] };
}

async function planFrom(options: ApplyOptions): Promise<FrontDoorPlan> {
  const last = (await recordedPlan(options.directory)) ?? DEFAULT_PLAN;
  const plan: FrontDoorPlan = {
    blue: options.blue === undefined ? last.blue : options.blue,
    green: options.green === undefined ? last.green : options.green,
    share: options.share ?? last.share,
    boxAddresses: options.boxAddresses ?? last.boxAddresses,
    panelAddresses: options.panels ?? last.panelAddresses,
    isMirrorOn: options.mirror ?? last.isMirrorOn,
    // `remove` turns it off.
    isFallbackOn: true,
    listensOnOldPorts: options.ownPorts ?? last.listensOnOldPorts,
    ports: options.ports ?? last.ports,
    hasIpv6: existsSync('/proc/net/if_inet6'),
    isRedirectOn: options.redirect ?? last.isRedirectOn,
    excludedInterfaces: options.excludeInterfaces ?? last.excludedInterfaces,
    directory: options.directory,
    spoolDirectory: options.spool ?? last.spoolDirectory,
    logDirectory: options.logs ?? last.logDirectory,
    container: options.container === undefined ? last.container : options.container,
  };
  assertPlan(plan);
  return plan;
}

async function runSelfTest(io: CommandIo, directory: string): Promise<CommandResult> {
  const plan = await knownPlan(directory);
  const run = programRunner(io.env);
  const checks = await withFrontDoorLock(() =>
    selfTest(plan, run, new Redirect(run, new FrontDoorFiles(directory))),
  );
  const isGood = checks.every((check) => check.isGood);
  return {
    exitCode: isGood ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
    lines: [
      ...checks.flatMap(({ name, url, reached, expected, isGood: isAsExpected, advice }) => [
        `${isAsExpected ? 'ok' : 'FAULT'}: ${name} ${url} reached ${reached}${isAsExpected ? '' : `, expected ${expected}`}`,
        ...(advice === '' ? [] : [`  ${advice}`]),
      ]),
      isGood ? 'the redirect can be on' : 'do not turn the redirect on',
    ],
    json: { isGood, checks },
  };
}

const colorText = (server: string, color: ColorAddresses | null): string =>
  `<IP>:<port> of the ${server} for HTTP and for sockets, or none (default: ${color?.http ?? ''},${color?.sockets ?? ''})`;

function colorArgument(text: string): ColorAddresses | null {
  if (text === 'none') return null;
  const [http = '', sockets = '', ...more] = text.split(',');
  if (http === '' || sockets === '' || more.length > 0)
    throw new InvalidArgumentError('Give <IP>:<port>,<IP>:<port> or none.');
  return { http, sockets };
}

function portsArgument(text: string): FrontDoorPlan['ports'] {
  const [http = NaN, sockets = NaN, status = NaN, ...more] = text.split(',').map(numberArgument(1, 65_535));
  if (more.length > 0 || Number.isNaN(status)) throw new InvalidArgumentError('Give three ports.');
  return { http, sockets, status };
}

/** An empty text is an empty list. */
const listArgument = (text: string): string[] =>
  text.split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()]));

const noneArgument = (text: string): string | null => (text === 'none' ? null : text);

function onOffArgument(text: string): boolean {
  if (text !== 'on' && text !== 'off') throw new InvalidArgumentError('Give on or off.');
  return text === 'on';
}

import {
  type CommandIo,
  type DefineCommand,
  EXIT_CODES,
  type ExitCode,
  exitCodesHelp,
  numberArgument,
  printResult,
} from '../core/commands/index.js';
import { DatabaseTime } from '../database/index.js';
import {
  type LegacyClient,
  type LegacyClientKind,
  LegacyClientsModule,
  LegacyClientsRepository,
} from '../legacy/status/index.js';
import { withCommandContext } from './command-context.js';

const DAY_MS = 86_400_000;

interface LegacyStatusOptions {
  readonly days: number;
  readonly json: boolean;
}

/** `samserver legacy status` */
export const legacyCommand: DefineCommand = (command, io, setExitCode) => {
  command.description('Reports on the clients of the old server.');
  const status = command
    .command('status')
    .summary('list the boxes and panels of the old server')
    .description(
      'Lists the boxes and panels that use the interfaces of the old server, with the time, the address, the transport and the dialect of ' +
        'their last contact. The service writes this record every 30 seconds; GET /api/v1/legacy/clients shows the same.',
    )
    .option('--days <n>', 'clients silent for this many days are only counted', numberArgument(1, 9_999), 30)
    .option('--json', 'print one JSON object on stdout', false)
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'done',
        FAILURE: 'failed',
        USAGE: 'wrong usage',
        UNAVAILABLE: 'the database is not reachable, or a service serves the evaluation database',
        CONFIG: 'wrong settings',
        INTERRUPTED: 'interrupted',
      }),
    )
    .action(async (options: LegacyStatusOptions) => setExitCode(await printStatus(io, options)));
  command.addHelpText('after', () => `\n${status.helpInformation()}`);
};

function printStatus(io: CommandIo, { days, json }: LegacyStatusOptions): Promise<ExitCode> {
  return withCommandContext(io, [LegacyClientsModule], async (context) => {
    const clients = await context.get(LegacyClientsRepository).list();
    const status = legacyStatus(clients, await context.get(DatabaseTime).read(), days);
    return printResult(io, json, {
      exitCode: EXIT_CODES.OK,
      lines: statusLines(status, days),
      json: { days, ...status },
    });
  });
}

/** Clients by the time of their last contact, both lists in descending order of it. */
interface LegacyStatus {
  readonly active: readonly LegacyClient[];
  readonly silent: readonly LegacyClient[];
}

/** @param days a client is active when its last contact is less than so many days ago */
export function legacyStatus(clients: readonly LegacyClient[], now: Date, days: number): LegacyStatus {
  const isActive = ({ lastSeenAt }: LegacyClient): boolean =>
    now.getTime() - lastSeenAt.getTime() < days * DAY_MS;
  return { active: clients.filter(isActive), silent: clients.filter((client) => !isActive(client)) };
}

const TITLES: readonly (readonly [LegacyClientKind, string])[] = [
  ['box', 'boxes'],
  ['panel', 'panels'],
  ['unknown_box', 'boxes that belong to no vehicle'],
];

export function statusLines({ active, silent }: LegacyStatus, days: number): string[] {
  const lines = TITLES.flatMap(([kind, title]) => {
    const ofKind = active.filter((client) => client.kind === kind);
    return [`${title}: ${ofKind.length}`, ...ofKind.map(clientLine)];
  });
  if (silent.length > 0) lines.push(`silent for ${days} days or more: ${silent.length}`);
  lines.push(
    active.length === 0 ? 'the old interfaces are not used any more' : 'the old interfaces are still needed',
  );
  return lines;
}

function clientLine({ kind, name, way, dialect, lastAddress, count, ...client }: LegacyClient): string {
  const times = `last ${client.lastSeenAt.toISOString()}, first ${client.firstSeenAt.toISOString()}`;
  // The name of a panel is its address.
  const from = kind === 'panel' ? '' : `  from ${lastAddress ?? 'unknown'}`;
  return `  ${name}  ${way.replace('_', ' ')}, ${dialect}${from}  ${times}, ${count} times`;
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import { numberArgument, originArgument, UsageError } from '../../core/commands/index.js';
import { addServiceOptions, type ServiceOptions } from '../../tools/index.js';
import { horizonOf } from './window-matcher.js';

const DAY_MS = 86_400_000;
const MAX_RANGE_DAYS = 31;
const DEFAULT_RANGE_MS = 3_600_000;

/** The options as commander parses them. */
export interface CompareOptions extends ServiceOptions {
  readonly oldUrl?: string;
  readonly oldSocketUrl?: string;
  readonly oldDatabase?: string;
  readonly oldPictures?: string;
  readonly oldTimeZone?: string;
  readonly notifications: boolean;
  readonly from?: Date;
  readonly to?: Date;
  /** Seconds. */
  readonly lag: number;
  readonly watch?: number;
  readonly accessLog?: string;
  readonly gets: number;
  readonly getRate: number;
  readonly ignore: readonly string[];
  /** Milliseconds. */
  readonly maxP99: number;
  readonly html?: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** What a comparison will do. */
export interface ComparePlan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lagMs: number;
  /** Null: the stores are not compared. */
  readonly oldDatabaseUrl: string | null;
  readonly timeZone: string;
  /** Null: no frames. */
  readonly watchMs: number | null;
}

export function addCompareOptions(command: Command): Command {
  command
    .addOption(new Option('--old-url <url>', 'the old server, for --access-log').argParser(originArgument))
    .addOption(new Option('--old-socket-url <url>', 'its socket port, for --watch').argParser(originArgument))
    .option(
      '--old-database <url>',
      'MongoDB address of the old server (default: OLD_DATABASE_URL, which no list of processes shows)',
    )
    .option('--old-pictures <place>', "the old server's `public` directory, or its http:// address")
    .option(
      '--old-time-zone <zone>',
      'zone of the names of its pictures (default: LEGACY_TIME_ZONE, else that of this machine)',
    )
    .option(
      '--notifications',
      'compare the speed notifications, derived for the old server from its histories (for an admin)',
      false,
    )
    .addOption(
      new Option('--from <time>', 'first arrival, ISO time (default: an hour before --to)').argParser(
        parseTime,
      ),
    )
    .addOption(
      new Option(
        '--to <time>',
        'end of the range (default: now less the horizon of ten lag windows)',
      ).argParser(parseTime),
    )
    .option('--lag <s>', 'largest difference of two arrivals of one post', numberArgument(0.1, 300, false), 5)
    .option(
      '--watch <s>',
      'compare the frames of a panel on each server for this long',
      numberArgument(1, 86_400),
    )
    .option('--access-log <file>', 'send its GET and HEAD requests to both servers')
    .option('--gets <n>', 'at most so many of them', numberArgument(1, 100_000), 200)
    .option('--get-rate <n>', 'at most so many a second', numberArgument(0.1, 50, false), 5)
    .option('--ignore <field>', 'JSON field of an answer that is not compared, repeatable', collect, [])
    .option('--max-p99 <ms>', "limit for Samserver's p99", numberArgument(1, 60_000), 500)
    .option('--html <file>', 'write the report as one HTML page')
    .option('--dry-run', 'print the plan and compare nothing', false)
    .option('--json', 'print one JSON object', false);
  return addServiceOptions(command, 'who may read everything');
}

/** @throws UsageError that names the option */
export function planComparison(
  options: CompareOptions,
  env: Readonly<Record<string, string | undefined>>,
  nowMs: number,
): ComparePlan {
  const lagMs = options.lag * 1_000;
  const toMs = options.to?.getTime() ?? nowMs - horizonOf(lagMs);
  const fromMs = options.from?.getTime() ?? toMs - DEFAULT_RANGE_MS;
  const oldDatabaseUrl = options.oldDatabase ?? (env['OLD_DATABASE_URL'] || null);
  if (fromMs >= toMs) throw new UsageError('--from must be before --to');
  if (toMs - fromMs > MAX_RANGE_DAYS * DAY_MS)
    throw new UsageError(`the range is longer than ${MAX_RANGE_DAYS} days: compare it in parts`);
  if (oldDatabaseUrl === null && options.watch === undefined && options.accessLog === undefined)
    throw new UsageError('nothing to compare: give --old-database, --watch or --access-log');
  if (options.watch !== undefined && options.oldSocketUrl === undefined)
    throw new UsageError('--watch needs --old-socket-url');
  if (options.accessLog !== undefined && options.oldUrl === undefined)
    throw new UsageError('--access-log needs --old-url');
  const timeZone =
    options.oldTimeZone ?? (env['LEGACY_TIME_ZONE'] || Intl.DateTimeFormat().resolvedOptions().timeZone);
  if (!isTimeZone(timeZone)) throw new UsageError(`--old-time-zone: ${timeZone} is no time zone`);
  const watchMs = options.watch === undefined ? null : options.watch * 1_000;
  return { fromMs, toMs, lagMs, oldDatabaseUrl, timeZone, watchMs };
}

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function parseTime(text: string): Date {
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : new Date(NaN);
  if (Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('Give an ISO time such as 2026-11-30T12:00:00Z.');
  return time;
}

function collect(text: string, fields: readonly string[]): readonly string[] {
  return [...fields, text];
}

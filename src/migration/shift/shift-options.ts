import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { numberArgument, UsageError } from '../../core/commands/index.js';
import { DEFAULT_PLAN } from '../front-door/index.js';
import { GATES } from './gates.js';
import type { MoveSettings } from './move-settings.js';

export interface CommonOptions {
  readonly directory: string;
  readonly state?: string;
  readonly json: boolean;
}

export interface ActingOptions extends CommonOptions {
  readonly by: string;
  readonly why: string;
}

export interface RunningOptions extends ActingOptions {
  readonly skip: readonly string[];
  readonly wait: number;
  readonly untilGood: boolean;
  readonly dryRun: boolean;
}

export interface StartOptions extends RunningOptions {
  readonly mirrorSecretFile?: string;
  readonly imageBackup?: string;
  readonly databaseDump?: string;
  readonly maxBackupAge: number;
  readonly maxVerificationAge: number;
  readonly certificate?: string;
  readonly hostName: readonly string[];
  readonly oldPictures?: string;
  readonly oldTimeZone?: string;
  readonly observe: number;
  readonly withoutGap: number;
  readonly window: number;
  readonly panels: boolean;
}

/** Limits of a request in the file that another terminal leaves. */
const MAX_BY = 100;
const MAX_WHY = 200;

export const common = (command: Command): Command =>
  command
    .option('--directory <dir>', 'the directory that nginx includes', DEFAULT_PLAN.directory)
    .option('--state <dir>', 'the directory of the journal (default: that of --directory)')
    .option('--json', 'print one JSON object on stdout', false);

/** @param why the default reason */
export const acting = (command: Command, why: string): Command =>
  common(command)
    .option('--by <name>', 'who does it, for the journal', textArgument('by', MAX_BY), loginName())
    .option('--why <text>', 'the reason, for the journal', textArgument('why', MAX_WHY), why);

export const skipping = (command: Command): Command =>
  command.option(
    '--skip <gate>',
    `do not look at this gate, repeatable: ${GATES.map(({ name }) => name).join(', ')}`,
    gateArgument,
    [],
  );

export const running = (command: Command, why: string): Command =>
  skipping(acting(command, why))
    .option('--wait <s>', 'how long to wait for the gates', numberArgument(1, 604_800), 7_200)
    .option(
      '--until-good',
      'end when the phase was good for its whole observation; else the command goes on watching',
      false,
    )
    .option('--dry-run', 'print the gates and the steps; change nothing', false);

export const starting = (command: Command): Command =>
  running(command, 'start')
    .option('--mirror-secret-file <file>', 'the file with LEGACY_MIRROR_SECRET; needed once')
    .option('--image-backup <dir>', 'the directory of `samserver images backup`')
    .option('--database-dump <path>', 'BACKUP_DIR, or what mongodump wrote: a file or a directory')
    .option('--max-backup-age <h>', 'for both', numberArgument(1, 8_760), 24)
    .option('--max-verification-age <h>', 'of `samserver images verify`', numberArgument(1, 8_760), 168)
    .option('--certificate <file>', 'the certificate of nginx, fullchain.pem')
    .addOption(
      new Option('--host-name <name>', 'that it must be for, repeatable').argParser(collect).default([]),
    )
    .option('--old-pictures <place>', 'for the comparison: see `samserver compare`')
    .option('--old-time-zone <zone>', 'for the comparison: see `samserver compare`')
    .option('--observe <s>', 'how long each phase is observed', numberArgument(10, 604_800), 600)
    .option('--without-gap <s>', 'how long no post may be missing on green', numberArgument(1, 604_800), 600)
    .option('--window <s>', 'window of the analysis', numberArgument(10, 3_600), 60)
    .option('--no-panels', 'count no frames of test panels');

export function moveSettings(options: StartOptions): MoveSettings {
  return {
    imageBackup: options.imageBackup ?? null,
    databaseDump: options.databaseDump ?? null,
    maxBackupAgeH: options.maxBackupAge,
    maxVerificationAgeH: options.maxVerificationAge,
    certificate: options.certificate ?? null,
    hostNames: options.hostName,
    oldPictures: options.oldPictures ?? null,
    oldTimeZone: options.oldTimeZone ?? null,
    observeS: options.observe,
    withoutGapS: options.withoutGap,
    windowS: options.window,
    hasPanels: options.panels,
  };
}

/** An empty text is an empty list. */
export const listArgument = (text: string): string[] =>
  text.split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()]));

const collect = (text: string, list: readonly string[]): readonly string[] => [...list, text];

function gateArgument(text: string, list: readonly string[]): readonly string[] {
  if (!GATES.some(({ name }) => name === text))
    throw new UsageError(
      `--skip: ${text} is no gate; these are: ${GATES.map(({ name }) => name).join(', ')}`,
    );
  return [...list, text];
}

const textArgument =
  (name: string, limit: number) =>
  (text: string): string => {
    if (text.trim() === '' || text.length > limit)
      throw new UsageError(`--${name}: give 1 to ${limit} characters`);
    return text;
  };

/** A user without a name in the password file has none. */
function loginName(): string {
  try {
    return userInfo().username.slice(0, MAX_BY);
  } catch {
    return 'operator';
  }
}

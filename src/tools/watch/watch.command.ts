import { type Command, InvalidArgumentError, Option } from 'commander';
import { type DefineCommand, exitCodesHelp, numberArgument } from '../../core/commands/index.js';
import {
  addServiceOptions,
  findAdminLogin,
  type ServiceOptions,
  withServiceErrors,
} from '../service-options.js';
import { type BoundingBox, watch, type WatchOptions } from './watch-session.js';

export interface WatchArguments extends ServiceOptions {
  readonly vehicle: readonly string[];
  readonly bbox?: BoundingBox;
  readonly rows?: number;
  readonly seconds?: number;
}

/** `samserver watch`. It is a client of the service and needs no application context. */
export const watchCommand: DefineCommand = (command, io, setExitCode) => {
  command.description(
    'Shows the live stream. On a terminal it is a table that updates in place. Elsewhere it is one line for each fix: ISO ' +
      'time, call sign, latitude, longitude, metres per second or "-", separated by tabs. ' +
      'The command reconnects after cuts, drains and releases, and then shows the fixes that it missed.',
  );
  addWatchOptions(command)
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'the time of --seconds is over',
        FAILURE: 'the service refused the login or the stream',
        USAGE: 'wrong usage',
        UNAVAILABLE: 'no service answers',
        INTERRUPTED: 'ended by Ctrl-C',
      }),
    )
    .action(async (given: WatchArguments) =>
      setExitCode(
        await withServiceErrors(async () =>
          watch(watchOptionsOf(given), await findAdminLogin(given, io.env), io),
        ),
      ),
    );
};

export function addWatchOptions(command: Command): Command {
  command
    .addOption(
      new Option('--vehicle <prefix>', 'only call signs with this prefix, upper or lower case; repeatable')
        .argParser(addPrefix)
        .default([], 'every vehicle'),
    )
    .option(
      '--bbox <w,s,e,n>',
      'only positions in this box, degrees; west greater than east crosses the antimeridian',
      parseBox,
    )
    .option(
      '--rows <n>',
      'maximum of vehicles in the table (default: the height of the terminal)',
      numberArgument(1, 10_000),
    )
    .option(
      '--seconds <n>',
      'end after this time (default: at Ctrl-C)',
      numberArgument(0.1, 31_536_000, false),
    );
  return addServiceOptions(command, 'with any role');
}

export function watchOptionsOf({ vehicle, ...given }: WatchArguments): WatchOptions {
  return { ...given, prefixes: vehicle };
}

function addPrefix(text: string, prefixes: readonly string[]): readonly string[] {
  if (text === '') throw new InvalidArgumentError('Give the beginning of a call sign.');
  return [...prefixes, text.toLowerCase()];
}

function parseBox(text: string): BoundingBox {
  const [west, south, east, north, ...rest] = text
    .split(',')
    .map((part) => (part.trim() === '' ? NaN : Number(part)));
  const isBox =
    isWithin(west, 180) &&
    isWithin(east, 180) &&
    isWithin(south, 90) &&
    isWithin(north, 90) &&
    south <= north &&
    rest.length === 0;
  if (!isBox) throw new InvalidArgumentError('Give west,south,east,north in degrees.');
  return [west, south, east, north];
}

function isWithin(value: number | undefined, limit: number): value is number {
  return value !== undefined && Math.abs(value) <= limit;
}

import {
  CommandError,
  type CommandIo,
  type DefineCommand,
  EXIT_CODES,
  type ExitCode,
  exitCodesHelp,
  printable,
  UsageError,
} from '../../core/commands/index.js';
import { findAdminLogin, withServiceErrors } from '../service-options.js';
import { addReplayOptions, type ReplayArguments, type ReplayOptions, replayOptionsOf } from './options.js';
import { type Drive, planSimulation, planTracks } from './plan.js';
import { readTracks, TrackFilesError } from './read-tracks.js';
import { connectApi, play } from './replay-run.js';
import { removeReplayVehicles } from './replay-vehicles.js';
import { summaryOf } from './summary.js';
import type { Track } from './track.js';

/** The service's limit for the vehicles of one `watch`. */
const MAX_VEHICLES = 10_000;

const MAX_NAMED_FAULTS = 20;

/** `samserver replay`. It is a client of the service and needs no application context. */
export const replayCommand: DefineCommand = (command, io, setExitCode) => {
  command.description(
    'Plays recorded GPS tracks through real device sockets to a running service. Without a path it simulates ambulances ' +
      'in a small invented city.\n' +
      'CSV columns: time (or fix_time), lat, lon, speed_mps, heading_deg (or course_deg), accuracy_m, altitude_m, ' +
      'battery_pct, ignition, attributes. Files of `format=csv|gpx|geojson` of the service are tracks, too.',
  );
  addReplayOptions(command)
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'every position was acknowledged and seen live',
        FAILURE: 'at least one position was not, or another error occurred',
        USAGE: 'wrong usage, or a faulty track file',
        UNAVAILABLE: 'no service answers',
        INTERRUPTED: 'interrupted; the report contains every position that was sent',
      }),
    )
    .action(async (path: string | undefined, given: ReplayArguments) => {
      const options = replayOptionsOf(path, given, io.stdout.isTTY ?? false);
      setExitCode(await withServiceErrors(() => replay(io, options)));
    });
};

async function replay(io: CommandIo, options: ReplayOptions): Promise<ExitCode> {
  if (options.isClean) return clean(io, options);
  const drives = await planDrives(io, options);
  const login = await findAdminLogin(options, io.env);
  const report = await play(drives, options, login, io);
  io.stdout.write(options.isJson ? `${JSON.stringify(report)}\n` : summaryOf(report));
  return report.exitCode;
}

async function clean(io: CommandIo, options: ReplayOptions): Promise<ExitCode> {
  const { api } = await connectApi(options, await findAdminLogin(options, io.env));
  const archived = await removeReplayVehicles(api);
  io.stdout.write(
    options.isJson ? `${JSON.stringify({ archived })}\n` : `${archived} vehicles of replay were archived\n`,
  );
  return EXIT_CODES.OK;
}

/** @throws CommandError */
async function planDrives(io: CommandIo, options: ReplayOptions): Promise<Drive[]> {
  if (options.path === undefined) return planSimulation(options);
  const { tracks, skippedFiles } = await readTracks(options.path).catch((error: unknown) => {
    if (!(error instanceof TrackFilesError)) throw error;
    throw new CommandError(error.faults.map(({ message }) => message).join('\n'), EXIT_CODES.USAGE);
  });
  if (skippedFiles.length > 0)
    io.stderr.write(`left out, no track files: ${printable(skippedFiles.join(', '))}\n`);
  for (const track of tracks) for (const line of warningsFor(track)) io.stderr.write(`${line}\n`);
  const drives = planOrUsageError(() => planTracks(tracks, options));
  if (drives.length > MAX_VEHICLES)
    throw new UsageError(`${drives.length} vehicles are more than the limit of ${MAX_VEHICLES}`);
  return drives;
}

function planOrUsageError(plan: () => Drive[]): Drive[] {
  try {
    return plan();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function warningsFor({ file, fixes, refused, withoutTime, ignored }: Track): string[] {
  const warnings: string[] = [];
  const points = fixes.length + refused.length + withoutTime.length;
  if (refused.length > 0)
    warnings.push(
      `${file}: ${refused.length} of ${points} points are malformed and are not sent:`,
      ...refused.slice(0, MAX_NAMED_FAULTS).map((fault) => `${file}: ${fault}`),
      ...(refused.length > MAX_NAMED_FAULTS
        ? [`${file}: and ${refused.length - MAX_NAMED_FAULTS} more`]
        : []),
    );
  if (withoutTime.length > 0) {
    warnings.push(
      `${file}: ${withoutTime.length} of ${points} points have no time and are not sent: ${firstFew(withoutTime)}`,
    );
  }
  if (ignored.length > 0) warnings.push(`${file}: not part of a track: ${firstFew(ignored)}`);
  return warnings.map(printable);
}

function firstFew(texts: readonly (string | number)[]): string {
  return texts.slice(0, 5).join(', ') + (texts.length > 5 ? ', …' : '');
}

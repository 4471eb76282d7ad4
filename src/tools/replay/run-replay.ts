/** The command: options in, exit code out. */
import {
  type CommandIo,
  EXIT,
  findAdminLogin,
  printable,
  UnreachableError,
  UsageError,
} from '../client/index.js';
import { parseOptions, type ReplayOptions } from './options.js';
import { planSimulation, planTracks, type Drive } from './plan.js';
import { InterruptedError, play } from './replay-run.js';
import { readTracks, TrackFilesError } from './read-tracks.js';
import { summaryOf } from './summary.js';
import type { Track } from './track.js';
import { USAGE } from './usage.js';

/** The service serves so many in one `watch`. */
const MAX_VEHICLES = 10_000;

/**
 * @param argv without the command's own name
 * @returns 0 all acknowledged and seen live, 1 something was not, 2 wrong use or a bad file, 69 no service there,
 *   130 interrupted
 */
export async function runReplay(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const options = parseOptions(argv, io.stdout.isTTY ?? false);
    if (options === 'help') {
      io.stdout.write(USAGE);
      return 0;
    }
    const drives = await planOf(options, io);
    const login = await findAdminLogin(options, io.env);
    const report = await play(drives, options, login, io);
    io.stdout.write(options.isJson ? `${JSON.stringify(report)}\n` : summaryOf(report));
    return report.exitCode;
  } catch (error) {
    return explain(error, io);
  }
}

async function planOf(options: ReplayOptions, io: CommandIo): Promise<Drive[]> {
  const plannedAtMs = Date.now();
  if (options.path === undefined) return planSimulation({ ...options, plannedAtMs });
  const { tracks, skippedFiles } = await readTracks(options.path);
  if (skippedFiles.length > 0)
    io.stderr.write(`left out, no track files: ${printable(skippedFiles.join(', '))}\n`);
  for (const track of tracks) for (const line of warningsFor(track)) io.stderr.write(`${line}\n`);
  const drives = planDrives(tracks, options, plannedAtMs);
  if (drives.length > MAX_VEHICLES)
    throw new UsageError(`${drives.length} vehicles are more than ${MAX_VEHICLES}`);
  return drives;
}

function planDrives(tracks: readonly Track[], options: ReplayOptions, plannedAtMs: number): Drive[] {
  try {
    return planTracks(tracks, { ...options, plannedAtMs });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function warningsFor({ file, fixes, withoutTime, ignored }: Track): string[] {
  const warnings: string[] = [];
  if (withoutTime.length > 0) {
    const places = withoutTime.slice(0, 5).join(', ') + (withoutTime.length > 5 ? ', …' : '');
    const points = fixes.length + withoutTime.length;
    warnings.push(
      `${file}: ${withoutTime.length} of ${points} points have no time and are not sent: ${places}`,
    );
  }
  if (ignored.length > 0) {
    const parts = ignored.slice(0, 5).join(', ') + (ignored.length > 5 ? ', …' : '');
    warnings.push(`${file}: not part of a track: ${parts}`);
  }
  return warnings.map(printable);
}

function explain(error: unknown, io: CommandIo): number {
  if (error instanceof InterruptedError) return EXIT.interrupted;
  if (error instanceof UsageError) {
    io.stderr.write(`${printable(error.message)} (--help tells more)\n`);
    return EXIT.usage;
  }
  if (error instanceof TrackFilesError) {
    for (const fault of error.faults) io.stderr.write(`${printable(fault.message)}\n`);
    return EXIT.usage;
  }
  if (error instanceof UnreachableError) {
    io.stderr.write(`${error.message}\nno service there: start one with  npm start\n`);
    return EXIT.unavailable;
  }
  io.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return io.signal.aborted ? EXIT.interrupted : EXIT.failed;
}

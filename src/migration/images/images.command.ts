/** The command: options in, exit code out. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import type { CommandIo } from '../../tools/client/index.js';
import { SettingsError } from '../../config/index.js';
import { runImagesAction } from './images-actions.js';
import { type FileIssue, ImagesJob, InterruptedError } from './images-job.js';
import { EXIT, UnavailableError, UsageError } from '../exit-codes.js';
import { type ImagesOptions, parseOptions } from './options.js';
import { USAGE } from './usage.js';

/**
 * @param argv behind `samserver images`
 * @returns 0 all is well, 1 something is not as it should be, 64 wrong use, 69 directory or database not there, 78 wrong
 *   settings, 130 interrupted
 */
export async function runImages(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const options = parseOptions(argv, new Date().toISOString().slice(0, 10));
    if (options === 'help') {
      io.stdout.write(USAGE);
      return EXIT.done;
    }
    return await run(options, io);
  } catch (error) {
    return printError(error, io);
  }
}

async function run(options: ImagesOptions, io: CommandIo): Promise<number> {
  const report = options.report === null ? null : createWriteStream(options.report);
  // A report that cannot be written must not pass for one without findings.
  if (report) await once(report, 'open');
  const write = report && ((finding: FileIssue): unknown => report.write(`${JSON.stringify(finding)}\n`));
  const job = new ImagesJob(io, write, options.threads);
  try {
    const { isGood, result, lines } = await runImagesAction(options, job);
    await job.stop();
    if (options.isJson)
      io.stdout.write(
        `${JSON.stringify({ command: options.command, isGood, ...result, findings: job.findings })}\n`,
      );
    else
      io.stdout.write(
        [...lines, ...findingLines(job), isGood ? 'all is well' : 'NOT as it should be', ''].join('\n'),
      );
    return isGood ? EXIT.done : EXIT.failed;
  } finally {
    await job.stop();
    if (report) await ended(report);
  }
}

function findingLines(job: ImagesJob): string[] {
  return Object.entries(job.findings).map(([kind, count]) => `${kind}: ${count}`);
}

async function ended(report: WriteStream): Promise<void> {
  report.end();
  await once(report, 'close');
}

function printError(error: unknown, io: CommandIo): number {
  const { message } = error as Error;
  if (error instanceof InterruptedError) {
    io.stderr.write('interrupted; the same command goes on from here\n');
    return EXIT.interrupted;
  }
  io.stderr.write(`samserver images: ${message}\n`);
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof SettingsError) return EXIT.settings;
  return error instanceof UnavailableError ? EXIT.unavailable : EXIT.failed;
}

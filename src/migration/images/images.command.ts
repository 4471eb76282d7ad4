import { type Command, Option } from 'commander';
import {
  CommandError,
  type CommandIo,
  type DefineCommand,
  EXIT_CODES,
  type ExitCode,
  exitCodesHelp,
  numberArgument,
} from '../../core/commands/index.js';
import {
  backupImages,
  type ImagesOutcome,
  type ModeOptions,
  makeImagesManifest,
  restoreImages,
  scanImages,
  showRetention,
  verifyImages,
} from './images-actions.js';
import { FindingsReport } from './findings-report.js';
import { ImagesJob } from './images-job.js';
import { type ImagesCommandName, nextStepOf } from './next-steps.js';

/** Faults of a file system that cannot be written, or no further. */
const CANNOT_WRITE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EIO']);

interface CommonOptions {
  readonly threads?: number;
  readonly report?: string;
  readonly json: boolean;
}

/** `samserver images scan|manifest|verify|backup|restore|retention` */
export const imagesCommand: DefineCommand = (command, io, setExitCode) => {
  const define = (name: string, description: string): Command => subcommand(command, name, description);
  command
    .description(
      'Adopts, lists, verifies, backs up and restores the image files. ' +
        'A command that was stopped or killed continues where it was when it runs again.',
    )
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'all is well',
        FAILURE: 'failed, or at least one file is not as it should be',
        USAGE: 'wrong usage',
        UNAVAILABLE: 'the directory, the manifest or the database is missing',
        IO: 'the disk is full, or a file cannot be written',
        TEMPORARY_FAILURE: 'another command works in the directory, or holds the lock of the schema',
        CONFIG: 'wrong settings',
        INTERRUPTED: 'interrupted',
      }),
    );

  define(
    'scan',
    'create a record for every image file; moves and changes no file, and a second run adds nothing',
  )
    .argument('[directory]', 'IMAGE_DIR or a directory in it (default: IMAGE_DIR)')
    .action(async (directory: string | undefined, options: CommonOptions) =>
      setExitCode(await run(io, 'scan', options, (job) => scanImages(job, directory))),
    );

  define('manifest', 'read every file and write its size, time and SHA-256 into the manifest')
    .argument('[directory]', 'the directory of the files (default: IMAGE_DIR)')
    .addOption(manifestOption())
    .action(async (directory: string | undefined, options: CommonOptions & { readonly manifest?: string }) =>
      setExitCode(
        await run(io, 'manifest', options, (job) => makeImagesManifest(job, directory, options.manifest)),
      ),
    );

  withModes(define('verify', 'compare the files with the manifest and with the database'))
    .argument('[directory]', 'the directory of the files (default: IMAGE_DIR)')
    .addOption(manifestOption())
    .option('--no-database', 'compare with the manifest only')
    .action(
      async (
        directory: string | undefined,
        options: CommonOptions & ModeOptions & { readonly manifest?: string; readonly database: boolean },
      ) => setExitCode(await run(io, 'verify', options, (job) => verifyImages(job, directory, options))),
    );

  withModes(define('backup', 'copy new and changed files, then verify the copies'))
    .argument('<destination>', 'the directory of the backup')
    .action(async (destination: string, options: CommonOptions & ModeOptions) =>
      setExitCode(await run(io, 'backup', options, (job) => backupImages(job, destination, options))),
    );

  define(
    'retention',
    'show what the service will delete by age and size (IMAGE_RETENTION_DAYS, IMAGE_WHEN_FULL, IMAGE_VOLUME_MAX_BYTES); deletes nothing',
  ).action(async (options: CommonOptions) => setExitCode(await run(io, 'retention', options, showRetention)));

  define('restore', 'copy the files of a backup into a directory, then verify all of them')
    .argument('<backup>', 'the directory of the backup')
    .option('--to <dir>', 'the target directory (default: IMAGE_DIR)')
    .option('--replace', 'read every file in the target and replace those that differ', false)
    .action(
      async (source: string, options: CommonOptions & { readonly to?: string; readonly replace: boolean }) =>
        setExitCode(await run(io, 'restore', options, (job) => restoreImages(job, source, options))),
    );
};

function subcommand(command: Command, name: string, description: string): Command {
  return command
    .command(name)
    .description(description)
    .option(
      '--threads <n>',
      'threads that read files (default: one for each core, at most 8)',
      numberArgument(1, 64),
    )
    .option('--report <file>', 'write every finding into a file, one JSON object a line')
    .option('--json', 'print the result as one JSON object on stdout', false);
}

function manifestOption(): Option {
  return new Option(
    '--manifest <dir>',
    'the directory of the manifest (default: <directory>/.samserver/manifest)',
  );
}

function withModes(command: Command): Command {
  return command
    .addOption(new Option('--quick', 'compare size and time only').conflicts(['sample', 'full']))
    .addOption(
      new Option('--sample <n>', 'read n per cent of the files, other files each day')
        .argParser(numberArgument(0.01, 100, false))
        .conflicts('full'),
    )
    .option('--full', 'read every file (default); backup: also copies that were verified before');
}

async function run(
  io: CommandIo,
  name: ImagesCommandName,
  { threads, report: reportPath, json }: CommonOptions,
  action: (job: ImagesJob) => Promise<ImagesOutcome>,
): Promise<ExitCode> {
  const report = reportPath === undefined ? null : new FindingsReport(reportPath);
  const job = new ImagesJob(io, report && ((issue) => report.add(issue)), threads, json);
  try {
    const { isGood, result, lines } = await action(job);
    await job.stop();
    const { findings } = job;
    const kinds = Object.keys(findings);
    const nextSteps = Object.fromEntries(kinds.map((kind) => [kind, nextStepOf(name, kind)]));
    // On one line, in contrast to the other commands: programs read it line by line.
    if (json)
      io.stdout.write(`${JSON.stringify({ command: name, isGood, ...result, findings, nextSteps })}\n`);
    else {
      const counts = Object.entries(findings).map(
        ([kind, count]) => `${kind}: ${count}\n  next: ${nextSteps[kind]}`,
      );
      const verdict = isGood ? 'all is well' : 'NOT as it should be';
      io.stdout.write([...lines, ...counts, verdict, ''].join('\n'));
    }
    return isGood ? EXIT_CODES.OK : EXIT_CODES.FAILURE;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!CANNOT_WRITE.has(code)) throw error;
    throw new CommandError(`${message}: the same command continues from here`, EXIT_CODES.IO);
  } finally {
    await job.stop();
    report?.close();
  }
}

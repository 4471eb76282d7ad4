import { Command, CommanderError, Help } from 'commander';
import { CommandError, UsageError } from './command.errors.js';
import type { CommandIo } from './command-io.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import { printable } from './printable.js';

/**
 * Adds arguments, options and the action of one command to `command`. The action gives its exit code to `setExitCode`,
 * or throws a CommandError.
 */
export type DefineCommand = (
  command: Command,
  io: CommandIo,
  setExitCode: (exitCode: ExitCode) => void,
) => void;

export interface CommandEntry {
  readonly name: string;
  /** One line for `samserver --help`. */
  readonly summary: string;
  /** Called only when this command runs, so that a command loads only its own modules. */
  readonly load: () => Promise<DefineCommand>;
}

/**
 * Runs one command line of the program `samserver`. Never throws.
 * @param argv without node and the script
 */
export async function runCommandLine(
  argv: readonly string[],
  io: CommandIo,
  entries: readonly CommandEntry[],
): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT_CODES.OK;
  const help = new Help();
  const program = new Command('samserver')
    .description('Samserver, the backend of an ambulance operation: its tools.')
    // Commander's help command would print no options: the hook below adds them later.
    .helpCommand(false)
    .exitOverride()
    // Omits "(default: false)" at every flag.
    .configureHelp({
      optionDescription: (option) =>
        option.defaultValue === false ? option.description : help.optionDescription(option),
    })
    .showHelpAfterError('(see --help)')
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, '')),
    });
  for (const { name, summary } of entries) program.command(name).summary(summary);
  // A command's own options are added just before they are parsed.
  program.hook('preSubcommand', async (_, command) => {
    const entry = entries.find(({ name }) => name === command.name());
    (await entry?.load())?.(command, io, (code) => (exitCode = code));
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportError(error, io);
  }
}

/** The result of a command. */
export interface CommandResult {
  readonly exitCode: ExitCode;
  /** For people. */
  readonly lines: readonly string[];
  /** For programs, with `--json`. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Prints the result on stdout. @returns its exit code */
export function printResult({ stdout }: CommandIo, isJson: boolean, result: CommandResult): ExitCode {
  stdout.write(`${isJson ? JSON.stringify(result.json, null, 2) : result.lines.join('\n')}\n`);
  return result.exitCode;
}

function reportError(error: unknown, io: CommandIo): ExitCode {
  // Commander has printed its message already. Its own exit codes are 0 for a requested help text, and 1.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.OK : EXIT_CODES.USAGE;
  const text = error instanceof Error ? error.message : String(error);
  const message = text.split('\n').map(printable).join('\n');
  const hint = error instanceof UsageError ? ' (see --help)' : '';
  if (message !== '') io.stderr.write(`${message}${hint}\n`);
  if (error instanceof CommandError) return error.exitCode;
  return io.signal.aborted ? EXIT_CODES.INTERRUPTED : EXIT_CODES.FAILURE;
}

import type { CommandIo } from '../tools/client/index.js';
import { loadSettings, type Settings, SettingsError } from '../config/index.js';
import {
  type OpenDatabase,
  openDatabase,
  SchemaLockBusyError,
  SchemaStepFailedError,
  translateStorageError,
} from '../database/index.js';
import { EXIT, UnavailableError, UsageError } from './exit-codes.js';

export { EXIT, UsageError };

/** How a command ended, for both kinds of reader. */
export interface CommandResult {
  readonly exitCode: number;
  readonly lines: readonly string[];
  /** With `--json`: the one thing on stdout. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface CommandContext extends OpenDatabase {
  readonly settings: Settings;
  readonly signal: AbortSignal;
  /** A line for a person, on stderr, while it is still at work. */
  readonly printStatus: (line: string) => void;
}

/** The settings and the database around one command, its answer on stdout, everything else on stderr. */
export async function runCommand(
  io: CommandIo,
  isJson: boolean,
  command: (context: CommandContext) => Promise<CommandResult>,
): Promise<number> {
  const printStatus = (line: string): void => void io.stderr.write(`${line}\n`);
  let database: OpenDatabase | null = null;
  try {
    const { settings, notices } = loadSettings(io.env);
    notices.forEach(printStatus);
    database = await openDatabase(settings, printStatus);
    const { exitCode, lines, json } = await command({
      ...database,
      settings,
      signal: io.signal,
      printStatus,
    });
    const text = isJson ? JSON.stringify(json, null, 2) : lines.join('\n');
    io.stdout.write(`${text}\n`);
    return exitCode;
  } catch (error) {
    printStatus(
      io.signal.aborted ? 'interrupted: what was begun is pending and runs again' : messageOf(error),
    );
    return io.signal.aborted ? EXIT.interrupted : exitCodeOf(error);
  } finally {
    await database?.close();
  }
}

/** @throws UsageError instead of what `parseArgs` throws */
export function withUsageErrors<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function messageOf(error: unknown): string {
  if (translateStorageError(error)) return `the database is not reachable: ${(error as Error).message}`;
  return error instanceof Error ? error.message : String(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof SettingsError) return EXIT.settings;
  if (error instanceof SchemaLockBusyError) return EXIT.busy;
  if (error instanceof SchemaStepFailedError) return EXIT.failed;
  // The evaluation database's directory belongs to a running service.
  const isServed = (error as { code?: unknown }).code === 'DIRECTORY_IN_USE';
  const isAway = error instanceof UnavailableError || translateStorageError(error);
  return isServed || isAway ? EXIT.unavailable : EXIT.failed;
}

import { parseArgs } from 'node:util';
import type { CommandIo } from '../../tools/client/index.js';
import { loadSettings, SettingsError } from '../../config/index.js';
import {
  type OpenDatabase,
  openDatabase,
  readDatabaseTime,
  translateStorageError,
} from '../../database/index.js';
import { legacyClientsOf } from './legacy-clients.repository.js';
import { legacyStatus, statusLines } from './legacy-status.js';

/** From 64 on those of `sysexits.h`. */
const EXIT = { done: 0, failed: 1, usage: 64, unavailable: 69, settings: 78 } as const;
const DEFAULT_DAYS = 30;

const USAGE = `Usage: samserver legacy status [options]

Who still speaks as the old server's boxes and panels did: each with when it was last seen, on which way and in which
dialect. The service writes it down every half minute; GET /api/v1/legacy/clients shows the same.

  --days <n>   who was silent for so many days is only counted (default ${DEFAULT_DAYS})
  --json       one JSON object on stdout

Settings as for the service (MONGODB_URL …).
Exit codes: 0 done, 1 failed, 64 wrong use, 69 no database there (or the evaluation database is in use by a service),
78 wrong settings.
`;

interface Options {
  readonly days: number;
  readonly isJson: boolean;
}

/** `samserver legacy …`. @returns the exit code; USAGE lists them */
export async function runLegacy(argv: readonly string[], io: CommandIo): Promise<number> {
  const options = parse(argv);
  if (options === 'help') {
    io.stdout.write(USAGE);
    return EXIT.done;
  }
  if (typeof options === 'string') {
    io.stderr.write(`${options} (--help tells more)\n`);
    return EXIT.usage;
  }
  let database: OpenDatabase | null = null;
  const say = (line: string): void => void io.stderr.write(`${line}\n`);
  try {
    const { settings, notices } = loadSettings(io.env);
    notices.forEach(say);
    database = await openDatabase(settings, say);
    io.stdout.write(await status(database, options));
    return EXIT.done;
  } catch (error) {
    say(messageOf(error));
    return exitCodeOf(error);
  } finally {
    await database?.close();
  }
}

async function status({ connection }: OpenDatabase, { days, isJson }: Options): Promise<string> {
  const clients = await legacyClientsOf(connection).list();
  const found = legacyStatus(clients, await readDatabaseTime(connection), days);
  return isJson
    ? `${JSON.stringify({ days, ...found }, null, 2)}\n`
    : `${statusLines(found, days).join('\n')}\n`;
}

/** What is wrong with the words, in one line, where something is. */
function parse(argv: readonly string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        days: { type: 'string', default: String(DEFAULT_DAYS) },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return 'help';
    if (positionals.length !== 1 || positionals[0] !== 'status') return 'the word "status" is wanted';
    if (!/^[1-9]\d{0,3}$/.test(values.days)) return '--days wants a number of days, 1 to 9999';
    return { days: Number(values.days), isJson: values.json };
  } catch (error) {
    return (error as Error).message;
  }
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return translateStorageError(error) ? `the database is not reachable: ${text}` : text;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof SettingsError) return EXIT.settings;
  // The evaluation database's directory belongs to a running service.
  const isServed = (error as { code?: unknown }).code === 'DIRECTORY_IN_USE';
  return isServed || translateStorageError(error) ? EXIT.unavailable : EXIT.failed;
}

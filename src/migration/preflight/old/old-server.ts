import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { readSmallFile, UnreadableInputError } from '../bounded-input.js';
import { type OldProcess, parsePm2List } from './pm2-processes.js';
import { type Pm2List, type Pm2Options, readPm2List } from './pm2-source.js';

const MAX_ENV_BYTES = 262_144;

/** Variables of one source; an earlier source wins, as with dotenv. */
export interface SettingSource {
  readonly place: string;
  readonly kind: 'process' | 'file';
  readonly values: ReadonlyMap<string, string>;
}

export interface OldServer {
  readonly list: Omit<Pm2List, 'text'> | null;
  /** All processes of PM2. */
  readonly all: readonly OldProcess[];
  /** Those with the name of the old server. */
  readonly processes: readonly OldProcess[];
  readonly sources: readonly SettingSource[];
  /** Files that hold the environment, with their permission bits. */
  readonly secretFiles: readonly { readonly path: string; readonly mode: number }[];
  /** Inputs that could not be read, each with its reason. */
  readonly listFault: string | null;
  readonly fileFaults: readonly string[];
}

export interface OldServerOptions extends Pm2Options {
  /** Name of the process in PM2. */
  readonly process: string;
  /** In place of `.env` in the working directory of the process. */
  readonly envFiles?: readonly string[];
}

/** What runs now, and its settings. A source that cannot be read is a fault in the result. */
export async function readOldServer(options: OldServerOptions): Promise<OldServer> {
  let list: Omit<Pm2List, 'text'> | null = null;
  let all: OldProcess[] = [];
  let listFault: string | null = null;
  try {
    const { text, ...rest } = await readPm2List(options);
    list = rest;
    all = parsePm2List(text);
  } catch (error) {
    if (!(error instanceof UnreadableInputError)) throw error;
    listFault = error.message;
  }
  const processes = all.filter(({ name }) => name === options.process);
  const directory = processes[0]?.directory;
  const paths = options.envFiles ?? (directory === undefined ? [] : [join(directory, '.env')]);
  const sources: SettingSource[] = [];
  if (processes[0]) sources.push({ place: 'PM2', kind: 'process', values: processes[0].env });
  const dump = join(options.home, 'dump.pm2');
  const found = await stat(dump).catch(() => null);
  const secretFiles = found ? [{ path: dump, mode: found.mode & 0o777 }] : [];
  const fileFaults: string[] = [];
  for (const path of paths) {
    try {
      const { text, mode } = await readSmallFile(path, MAX_ENV_BYTES);
      sources.push({ place: path, kind: 'file', values: variablesOf(text) });
      secretFiles.push({ path, mode });
    } catch (error) {
      if (!(error instanceof UnreadableInputError)) throw error;
      fileFaults.push(error.message);
    }
  }
  return { list, all, processes, sources, secretFiles, listFault, fileFaults };
}

function variablesOf(text: string): ReadonlyMap<string, string> {
  const entries = Object.entries(parseEnv(text));
  return new Map(
    entries.filter(
      (entry): entry is [string, string] => entry[0].length <= 200 && typeof entry[1] === 'string',
    ),
  );
}

/** The value that the old server uses: the process's own variable before the files. */
export function oldValue(sources: readonly SettingSource[], name: string): string | undefined {
  return sources.find(({ values }) => values.has(name))?.values.get(name);
}

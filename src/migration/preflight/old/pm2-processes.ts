import { UnreadableInputError } from '../bounded-input.js';

const MAX_PROCESSES = 200;
const MAX_VARIABLES = 2_000;
const MAX_VALUE_LENGTH = 32_000;
const MAX_FIELD_LENGTH = 1_000;

/** One process of the list. Null: not in the list. */
export interface OldProcess {
  /** Number of the process in the running PM2; a dump has none. */
  readonly id: number | null;
  readonly name: string;
  readonly pid: number | null;
  /** `online`, `stopped`, `errored`, …; of a dump the state at the time of `pm2 save`. */
  readonly status: string;
  readonly mode: 'fork' | 'cluster' | 'unknown';
  readonly directory: string;
  readonly script: string;
  readonly nodeVersion: string | null;
  readonly user: string | null;
  /** Since the process was added to PM2. */
  readonly restarts: number | null;
  /** Restarts within the minimum uptime: a process that does not stay up. */
  readonly unstableRestarts: number | null;
  /** Epoch milliseconds. */
  readonly createdAtMs: number | null;
  readonly startedAtMs: number | null;
  readonly memoryBytes: number | null;
  readonly maxMemoryBytes: number | null;
  /** A cron pattern. */
  readonly cronRestart: string | null;
  readonly isWatched: boolean;
  /** Paths of its log files. */
  readonly logs: readonly string[];
  readonly env: ReadonlyMap<string, string>;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The processes of `pm2 jlist` or `dump.pm2`. Only named fields are read, so depth and further fields do not matter.
 * @throws UnreadableInputError
 */
export function parsePm2List(text: string): OldProcess[] {
  const list = pm2Array(text);
  if (list.length > MAX_PROCESSES)
    throw new UnreadableInputError(`the list has ${list.length} processes; the limit is ${MAX_PROCESSES}`);
  return list.filter(isFields).map(toProcess);
}

/** The list of `pm2 jlist` or `dump.pm2`. @throws UnreadableInputError */
export function pm2Array(text: string): readonly unknown[] {
  // PM2 prints a banner before the list when it is new or out of date.
  const startAt = text.startsWith('[') ? 0 : text.lastIndexOf('\n[') + 1;
  try {
    const list: unknown = JSON.parse(text.slice(startAt));
    if (Array.isArray(list)) return list as unknown[];
  } catch {
    // The message of the parser quotes the text.
  }
  throw new UnreadableInputError('the list is no JSON array; very old releases of PM2 write another format');
}

function toProcess(entry: Fields): OldProcess {
  // A dump has the fields of `pm2_env` at its top level.
  const env = isFields(entry['pm2_env']) ? entry['pm2_env'] : entry;
  const monit = isFields(entry['monit']) ? entry['monit'] : {};
  const mode = env['exec_mode'];
  return {
    id: countOf(entry['pm_id'] ?? env['pm_id']),
    name: textOf(entry['name'] ?? env['name']) ?? '(without a name)',
    pid: countOf(entry['pid']) || null,
    status: textOf(env['status']) ?? 'unknown',
    mode: mode === 'fork_mode' ? 'fork' : mode === 'cluster_mode' ? 'cluster' : 'unknown',
    directory: textOf(env['pm_cwd']) ?? '',
    script: textOf(env['pm_exec_path']) ?? '',
    nodeVersion: textOf(env['node_version']),
    user: textOf(env['username']),
    restarts: countOf(env['restart_time']),
    unstableRestarts: countOf(env['unstable_restarts']),
    createdAtMs: countOf(env['created_at']),
    startedAtMs: countOf(env['pm_uptime']),
    memoryBytes: countOf(monit['memory']) || null,
    maxMemoryBytes: countOf(env['max_memory_restart']),
    cronRestart: textOf(env['cron_restart']),
    isWatched: env['watch'] === true || (Array.isArray(env['watch']) && env['watch'].length > 0),
    logs: ['pm_out_log_path', 'pm_err_log_path'].flatMap((name) => textOf(env[name]) ?? []),
    env: variablesOf(isFields(env['env']) ? env['env'] : {}),
  };
}

function variablesOf(env: Fields): ReadonlyMap<string, string> {
  const variables = Object.entries(env).filter(([name, value]) => name.length <= 200 && isPlain(value));
  return new Map(
    variables
      .map(([name, value]) => [name, String(value)] as const)
      .filter(([, value]) => value.length <= MAX_VALUE_LENGTH)
      .slice(0, MAX_VARIABLES),
  );
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_FIELD_LENGTH) : null;
}

function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

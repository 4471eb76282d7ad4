import { withoutLogin } from '../secret-censor.js';
import type { SettingSource } from '../old/old-server.js';
import { isShellVariable, ruleOf, type SettingOutcome } from './old-settings.js';

/** One row of the report. */
export interface SettingRow {
  readonly name: string;
  readonly outcome: SettingOutcome;
  readonly target: string | null;
  /** Sources that have it, the one that counts first. */
  readonly places: readonly string[];
  /** Null: not shown. */
  readonly shown: string | null;
  readonly text: string;
}

export interface OldSettings {
  readonly rows: readonly SettingRow[];
  /** Values that no report may contain. */
  readonly hidden: readonly string[];
  /** Names beyond the limit, which no row has. */
  readonly omitted: number;
  /** Number of variables of the login shell, which are left out. */
  readonly shellVariables: number;
}

const MAX_SHOWN_LENGTH = 200;
const MAX_ROWS = 500;

/** Every setting of the old server with what becomes of it. @param processName its name in PM2 */
export function mapOldSettings(sources: readonly SettingSource[], processName: string): OldSettings {
  const names = new Set<string>();
  const shell = new Set<string>();
  for (const { kind, values } of sources) {
    for (const name of values.keys()) {
      const isShell = kind === 'process' && isShellVariable(name, processName);
      (isShell ? shell : names).add(name);
    }
  }
  const rows = [...names]
    .sort()
    .slice(0, MAX_ROWS)
    .map((name) => rowOf(name, sources));
  return {
    rows,
    hidden: hiddenValues(sources, shell),
    shellVariables: shell.size,
    omitted: names.size - rows.length,
  };
}

function rowOf(name: string, sources: readonly SettingSource[]): SettingRow {
  const { outcome, target, text } = ruleOf(name);
  const having = sources.filter(({ values }) => values.has(name));
  const values = new Set(having.map((source) => source.values.get(name)));
  const difference = values.size > 1 ? `; the sources differ, and ${having[0]?.place ?? ''} counts` : '';
  return {
    name,
    outcome,
    target,
    places: having.map(({ place }) => place),
    shown: shownValue(name, having[0]?.values.get(name) ?? ''),
    text: `${text}${difference}`,
  };
}

/** Deny by default: only a setting that the table names as not secret is shown. */
function shownValue(name: string, value: string): string | null {
  const { shown } = ruleOf(name);
  if (shown === 'never') return null;
  const text = shown === 'address' || value.includes('://') ? withoutLogin(value) : value;
  return text === null || text.length > MAX_SHOWN_LENGTH ? null : text;
}

/** Everything but what a row shows. Values of the login shell are paths and names that other findings contain. */
function hiddenValues(sources: readonly SettingSource[], shell: ReadonlySet<string>): string[] {
  const isOrdinary = (name: string): boolean => shell.has(name) && !/auth|token|secret|pass|key/i.test(name);
  return sources.flatMap(({ values }) =>
    [...values]
      .filter(([name, value]) => !isOrdinary(name) && shownValue(name, value) !== value)
      .map(([, value]) => value),
  );
}

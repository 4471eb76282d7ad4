import { readFileSync } from 'node:fs';
import { checkRawValue, decodeTextFile } from './raw-values.js';
import type { SettingDefinition } from './setting-definition.js';
import {
  SETTING_DEFINITIONS,
  UNUSED_SETTINGS,
  type SettingName,
  type SettingValues,
} from './setting-definitions.js';
import { InvalidSettingError } from './setting-types.js';
import type { SettingNotice } from './settings.js';
import { similarName } from './similar-names.js';

export type Environment = Readonly<Record<string, string | undefined>>;

interface ParsedEnvironment {
  readonly values: SettingValues;
  readonly faults: readonly { readonly setting: SettingName; readonly text: string }[];
  readonly notices: readonly SettingNotice[];
}

const NAMES = Object.keys(SETTING_DEFINITIONS) as SettingName[];
const USED_NAMES: readonly string[] = NAMES.flatMap((name) => {
  const { formerNames = [] }: SettingDefinition = SETTING_DEFINITIONS[name];
  return [name, ...formerNames.map((former) => former.name)].flatMap(withFile);
});
const KNOWN_NAMES: ReadonlySet<string> = new Set([
  ...USED_NAMES,
  ...Object.keys(UNUSED_SETTINGS).flatMap(withFile),
]);

/**
 * Reads every setting of the table: from `NAME`, or from the file that `NAME_FILE` names (Docker secrets); the current
 * name before former names. An empty value counts as not set, because an env file writes an unset value as `NAME=`. A
 * setting that is not set has its default.
 */
export function readEnvironment(env: Environment): ParsedEnvironment {
  const given = new Map<SettingName, unknown>();
  const faults: { setting: SettingName; text: string }[] = [];
  const notices: SettingNotice[] = [];
  const isLive = isLiveEnvironment(env);

  for (const name of NAMES) {
    const definition: SettingDefinition = SETTING_DEFINITIONS[name];
    try {
      const found = findValue(env, name, definition, isLive, notices);
      if (found !== undefined) given.set(name, parseNamed(found.name, found.text, definition));
    } catch (error) {
      if (!(error instanceof InvalidSettingError)) throw error;
      faults.push({ setting: name, text: error.message });
    }
  }
  for (const [name, effect] of Object.entries(UNUSED_SETTINGS)) {
    if (textOf(env, name) !== undefined || textOf(env, `${name}_FILE`) !== undefined) {
      notices.push(`${name} is set and not used: ${effect}`);
    }
  }
  notices.push(...noticesOfMisspeltNames(env));
  const isEmbedded = !given.has('MONGODB_URL');
  const values = Object.fromEntries(
    NAMES.map((name) => [name, given.has(name) ? given.get(name) : defaultValue(name, isEmbedded)]),
  ) as SettingValues;
  return { values, faults, notices };
}

/** Only a notice: the environment contains variables of other programs. */
function noticesOfMisspeltNames(env: Environment): SettingNotice[] {
  const unknown = Object.keys(env).filter((name) => !KNOWN_NAMES.has(name));
  return unknown.flatMap((name) => {
    const meant = similarName(name, USED_NAMES);
    return meant === null ? [] : [`${printable(name)} is set and not used: did you mean ${meant}?`];
  });
}

/** The name of a variable can contain any character, also one that a terminal interprets. */
function printable(name: string): string {
  return name.replace(/[^ -~]/g, '?');
}

function defaultValue(name: SettingName, isEmbedded: boolean): unknown {
  const definition: SettingDefinition = SETTING_DEFINITIONS[name];
  const text = (isEmbedded ? definition.embeddedDefault : undefined) ?? definition.default;
  return text === null ? null : definition.type.parse(text);
}

/** A file that cannot be read counts as not live here; the loop above reports it for `ENVIRONMENT` itself. */
function isLiveEnvironment(env: Environment): boolean {
  try {
    return read(env, 'ENVIRONMENT')?.toUpperCase() === 'LIVE';
  } catch (error) {
    if (error instanceof InvalidSettingError) return false;
    throw error;
  }
}

function findValue(
  env: Environment,
  name: string,
  definition: SettingDefinition,
  isLive: boolean,
  notices: SettingNotice[],
): { name: string; text: string } | undefined {
  const current = read(env, name);
  for (const former of definition.formerNames ?? []) {
    const text = read(env, former.name);
    if (text === undefined) continue;
    if (former.onlyWhenLive && !isLive) {
      notices.push(`${former.name} is set and not used: it counts only with ENVIRONMENT=LIVE; use ${name}`);
    } else if (current !== undefined) {
      notices.push(`${former.name} is set and not used: ${name} wins`);
    } else {
      notices.push(`${former.name} is taken as ${name}`);
      return { name: former.name, text };
    }
  }
  return current === undefined ? undefined : { name, text: current };
}

function read(env: Environment, name: string): string | undefined {
  const direct = textOf(env, name);
  const path = textOf(env, `${name}_FILE`);
  if (path === undefined) return direct;
  if (direct !== undefined) throw new InvalidSettingError(`${name}: given twice, also as ${name}_FILE`);
  try {
    checkRawValue(path);
    // Editors and `echo` end a file with a line break that does not belong to the secret.
    const text = decodeTextFile(readFileSync(path)).replace(/\n$/, '');
    if (text === '') throw new InvalidSettingError('the file is empty');
    return text;
  } catch (error) {
    const isWrong = error instanceof InvalidSettingError;
    const reason = isWrong
      ? error.message
      : `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
    throw new InvalidSettingError(`${name}_FILE: ${reason}`);
  }
}

function withFile(name: string): readonly string[] {
  return [name, `${name}_FILE`];
}

function textOf(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === undefined || value === '' ? undefined : value;
}

function parseNamed(name: string, text: string, { type }: SettingDefinition): unknown {
  try {
    checkRawValue(text);
    return type.parse(text);
  } catch (error) {
    if (error instanceof InvalidSettingError) throw new InvalidSettingError(`${name}: ${error.message}`);
    throw error;
  }
}

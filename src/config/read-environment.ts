import { readFileSync } from 'node:fs';
import { InvalidSettingError } from './parsers.js';
import {
  SETTING_DEFINITIONS,
  UNUSED_SETTINGS,
  type SettingDefinition,
  type SettingName,
  type SettingValues,
} from './setting-definitions.js';
import type { SettingNotice } from './settings.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ParsedEnvironment {
  readonly values: SettingValues;
  readonly faults: readonly { readonly setting: SettingName; readonly text: string }[];
  readonly notices: readonly SettingNotice[];
}

/**
 * Every setting of the table, from `NAME` or from the file that `NAME_FILE` points to (Docker secrets), new names
 * before former ones. An empty value counts as not set: that is what `NAME=` in an env file means.
 */
export function readEnvironment(env: Environment): ParsedEnvironment {
  const values: Record<string, unknown> = {};
  const faults: { setting: SettingName; text: string }[] = [];
  const notices: SettingNotice[] = [];
  const isLive = isLiveEnvironment(env);

  for (const name of Object.keys(SETTING_DEFINITIONS) as SettingName[]) {
    const definition: SettingDefinition<unknown> = SETTING_DEFINITIONS[name];
    try {
      const given = findValue(env, name, definition, isLive, notices);
      if (given !== undefined) values[name] = parseNamed(given.name, given.text, definition);
    } catch (error) {
      if (!(error instanceof InvalidSettingError)) throw error;
      faults.push({ setting: name, text: error.message });
    }
  }
  for (const [name, loss] of Object.entries(UNUSED_SETTINGS)) {
    if (textOf(env, name) !== undefined || textOf(env, `${name}_FILE`) !== undefined) {
      notices.push(`${name} is set and not used: ${loss}`);
    }
  }
  return { values, faults, notices };
}

/** From a file too, as every setting; that it cannot be read is a fault of `ENVIRONMENT`'s own turn. */
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
  definition: SettingDefinition<unknown>,
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
    // Editors and `echo` end a secret's file with a line break that is no part of the secret.
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new InvalidSettingError(`${name}_FILE: cannot be read (${reason})`);
  }
}

function textOf(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === undefined || value === '' ? undefined : value;
}

function parseNamed(name: string, text: string, definition: SettingDefinition<unknown>): unknown {
  try {
    return definition.parse(text);
  } catch (error) {
    if (error instanceof InvalidSettingError) throw new InvalidSettingError(`${name}: ${error.message}`);
    throw error;
  }
}

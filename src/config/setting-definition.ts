import type { SettingType } from './setting-types.js';

type SettingUnit =
  'ms' | 's' | 'min' | 'h' | 'days' | 'm' | 'm/s' | 'km/h' | 'bytes' | 'bytes/s' | 'MB' | 'pixels' | '%';

/**
 * One setting: a row of the table that validation, `.env.example` and `docs/settings.md` are made of.
 * `Default` is `null` for a setting that can be without a value.
 */
export interface SettingDefinition<T = unknown, Default extends string | null = string | null> {
  readonly type: SettingType<T>;
  /** As an operator would write it; '' for the empty list; null for no value. */
  readonly default: Default;
  /** The default on the embedded evaluation database, when it differs. */
  readonly embeddedDefault?: string;
  /** Describes what applies without a value, when `default` is null and "none" is not enough; Markdown. */
  readonly defaultText?: string;
  readonly unit?: SettingUnit;
  /** What the setting does, for operators; Markdown. */
  readonly text: string;
  /** The value never appears in logs and error messages. */
  readonly isSecret?: true;
  /** Names in the old server with the same meaning; the new name wins. */
  readonly formerNames?: readonly FormerName[];
}

interface FormerName {
  readonly name: string;
  /** The old server reads this name only with ENVIRONMENT=LIVE. */
  readonly onlyWhenLive: boolean;
}

export interface SettingGroup {
  readonly title: string;
  readonly settings: Readonly<Record<string, SettingDefinition>>;
}

/** Keeps the type of the value and whether the setting has a default. */
export function setting<T, const Default extends string | null>(
  definition: SettingDefinition<T, Default>,
): SettingDefinition<T, Default> {
  return definition;
}

import { IMAGE_SETTINGS, POSITION_SETTINGS } from './feature-settings.js';
import { CREW_EVENT_SETTINGS, LEGACY_SETTINGS } from './legacy-settings.js';
import {
  ACCESS_SETTINGS,
  BACKUP_SETTINGS,
  DATABASE_SETTINGS,
  LIMIT_SETTINGS,
  OPERATION_SETTINGS,
  REDIS_SETTINGS,
  SYSTEM_SETTINGS,
} from './service-settings.js';
import type { SettingDefinition, SettingGroup } from './setting-definition.js';

/** The order of the settings page and of `.env.example`. */
export const SETTING_GROUPS: readonly SettingGroup[] = [
  { title: 'System and ports', settings: SYSTEM_SETTINGS },
  { title: 'Database', settings: DATABASE_SETTINGS },
  { title: 'Backups of the database', settings: BACKUP_SETTINGS },
  { title: 'Redis', settings: REDIS_SETTINGS },
  { title: 'Access', settings: ACCESS_SETTINGS },
  { title: 'Operation', settings: OPERATION_SETTINGS },
  { title: 'Limits on clients', settings: LIMIT_SETTINGS },
  { title: 'Positions', settings: POSITION_SETTINGS },
  { title: 'Pictures', settings: IMAGE_SETTINGS },
  { title: 'Clients of the old server', settings: LEGACY_SETTINGS },
  { title: 'Crew events', settings: CREW_EVENT_SETTINGS },
];

/** Every setting. `.env.example` and `docs/settings.md` are generated from this table (`npm run docs`). */
export const SETTING_DEFINITIONS = {
  ...SYSTEM_SETTINGS,
  ...DATABASE_SETTINGS,
  ...BACKUP_SETTINGS,
  ...REDIS_SETTINGS,
  ...ACCESS_SETTINGS,
  ...OPERATION_SETTINGS,
  ...LIMIT_SETTINGS,
  ...POSITION_SETTINGS,
  ...IMAGE_SETTINGS,
  ...LEGACY_SETTINGS,
  ...CREW_EVENT_SETTINGS,
};

export type SettingName = keyof typeof SETTING_DEFINITIONS;

/** The values of all settings, with the defaults of those that are not set; null for a setting without a value. */
export type SettingValues = {
  readonly [Name in SettingName]: (typeof SETTING_DEFINITIONS)[Name] extends SettingDefinition<
    infer T,
    infer Default
  >
    ? T | (Default extends null ? null : never)
    : never;
};

/** Settings whose values must not appear in logs. */
export const SECRET_SETTINGS: readonly string[] = Object.entries(SETTING_DEFINITIONS)
  .filter(([, { isSecret }]) => isSecret)
  .map(([name]) => name);

/** Settings of the old server that this release does not use, and the effect of that. */
export const UNUSED_SETTINGS: Readonly<Record<string, string>> = {
  FCM_SERVER_KEY: 'this release notifies no phones; Firebase ended server keys in 2024',
  PANEL_NEAR_ARRIVAL_TYPE: 'the panel ignores every word but AMBULACNE_NEAR_ABOUT_SCENE, which is sent',
};

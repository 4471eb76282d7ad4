export { LEGACY_SETTINGS } from './legacy-settings.js';
export { loadEnvFile } from './env-file.js';
export { loadSettings, type LoadedSettings } from './load-settings.js';
export type { SettingDefinition, SettingGroup } from './setting-definition.js';
export { SECRET_SETTINGS, SETTING_GROUPS, UNUSED_SETTINGS } from './setting-definitions.js';
export { SETTINGS, SettingsModule } from './settings.module.js';
export {
  type ImageSettings,
  type CrewEventSettings,
  LOG_LEVELS,
  type LogLevelName,
  SettingsError,
  type FirstAdmin,
  LEGACY_ROLES,
  type LegacyRole,
  type LegacyRoom,
  type Release,
  type ReleaseColor,
  type Settings,
  type SocketLimits,
} from './settings.js';

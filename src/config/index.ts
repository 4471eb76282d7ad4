export { loadSettings, type LoadedSettings } from './load-settings.js';
export { SETTINGS, SettingsModule } from './settings.module.js';
export {
  type CrewEventSettings,
  SettingsError,
  type FirstAdmin,
  type LegacyRoom,
  type Release,
  type ReleaseColor,
  type SettingNotice,
  type Settings,
} from './settings.js';

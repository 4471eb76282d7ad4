import { SETTING_GROUPS, UNUSED_SETTINGS } from '../../../config/index.js';

/** What becomes of a setting of the old server. `missing` is a setting that only Samserver has. */
export type SettingOutcome = 'kept' | 'renamed' | 'replaced' | 'dead' | 'unknown' | 'missing';

export interface SettingRule {
  readonly outcome: SettingOutcome;
  /** The setting of Samserver that takes its place. */
  readonly target: string | null;
  /** Whether a report may show the value. `address`: without login and query. */
  readonly shown: 'value' | 'address' | 'never';
  readonly text: string;
}

/** The settings of the old server. A value of a setting that is not listed as shown never leaves the process. */
export const OLD_SETTINGS: Readonly<Record<string, SettingRule>> = {
  NODE_ENV: { outcome: 'kept', target: 'NODE_ENV', shown: 'value', text: 'same meaning' },
  ENVIRONMENT: {
    outcome: 'kept',
    target: 'ENVIRONMENT',
    shown: 'value',
    text: 'LIVE marks the live system; only with LIVE do MONGODB_LIVE_URL and LIVE_REDIS_… count',
  },
  SOCKET_SERVER_PORT: {
    outcome: 'replaced',
    target: 'SOCKET_SERVER_PORT',
    shown: 'value',
    text: 'the old server keeps this port until the move is complete; Samserver gets a port of its own',
  },
  MONGODB_LIVE_URL: {
    outcome: 'renamed',
    target: 'MONGODB_URL',
    shown: 'address',
    text: 'the same database',
  },
  LIVE_REDIS_HOST: { outcome: 'replaced', target: 'REDIS_URL', shown: 'value', text: 'part of the address' },
  LIVE_REDIS_PORT: { outcome: 'replaced', target: 'REDIS_URL', shown: 'value', text: 'part of the address' },
  LIVE_REDIS_PASSWORD: {
    outcome: 'replaced',
    target: 'REDIS_URL',
    shown: 'never',
    text: 'part of the address',
  },
  GOOGLE_MAP_KEY: {
    outcome: 'kept',
    target: 'GOOGLE_MAP_KEY',
    shown: 'never',
    text: 'used for the Routes API only: the key needs that API',
  },
  FCM_SERVER_KEY: {
    outcome: 'dead',
    target: null,
    shown: 'never',
    text: UNUSED_SETTINGS['FCM_SERVER_KEY'] ?? 'not used',
  },
  // Of an earlier release.
  PANEL_NEAR_ARRIVAL_TYPE: {
    outcome: 'dead',
    target: null,
    shown: 'value',
    text: UNUSED_SETTINGS['PANEL_NEAR_ARRIVAL_TYPE'] ?? 'not used',
  },
  TZ: {
    outcome: 'renamed',
    target: 'LEGACY_TIME_ZONE',
    shown: 'value',
    text: 'time zone of the picture folders',
  },
};

const OWN_SETTINGS = new Map(SETTING_GROUPS.flatMap(({ settings }) => Object.entries(settings)));

/** The rule of a name. The old server can have settings with a name of Samserver's. */
export function ruleOf(name: string): SettingRule {
  if (Object.hasOwn(OLD_SETTINGS, name)) return OLD_SETTINGS[name] as SettingRule;
  const own = OWN_SETTINGS.get(name);
  if (!own)
    return {
      outcome: 'unknown',
      target: null,
      shown: 'never',
      text: 'Samserver has no setting of this name',
    };
  return {
    outcome: 'kept',
    target: name,
    shown: own.isSecret ? 'never' : 'value',
    text: 'a setting of Samserver; check that it has the same meaning',
  };
}

/** Variables of the login shell and of PM2 itself, which are no settings of the old server. */
const SHELL_NAME =
  /^(?:_|PATH|HOME|PWD|OLDPWD|USER|LOGNAME|SHELL|SHLVL|TERM|LANG|LANGUAGE|HOSTNAME|MAIL|EDITOR|PAGER|DISPLAY|INVOCATION_ID|JOURNAL_STREAM|DBUS_SESSION_BUS_ADDRESS|HIST\w*|LS_COLORS|LESS\w*|LC_\w+|SSH_\w+|SUDO_\w+|XDG_\w+|npm_\w+|NVM_\w+|PM2_\w+|unique_id|pm_id|status|namespace|name|NODE_APP_INSTANCE)$/;

/** True for a variable of the process that is no setting. PM2 adds one with the name of the process. */
export function isShellVariable(name: string, processName: string): boolean {
  return SHELL_NAME.test(name) || name === processName;
}

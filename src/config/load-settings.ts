import { join, resolve } from 'node:path';
import { keepEvaluationSecrets } from './evaluation-secrets.js';
import { readEnvironment, type Environment } from './read-environment.js';
import { gitRevision, packageVersion } from './build-info.js';
import type { SettingName } from './setting-definitions.js';
import { LEGACY_ROOMS, SettingsError, type SettingNotice, type Settings } from './settings.js';

export interface LoadedSettings {
  readonly settings: Settings;
  readonly notices: readonly SettingNotice[];
}

/**
 * The environment, turned into settings.
 * @throws SettingsError with every fault at once
 */
export function loadSettings(env: Environment): LoadedSettings {
  const { values, faults: readingFaults, notices } = readEnvironment(env);
  const faults = readingFaults.map((fault) => fault.text);
  const isLive = values.ENVIRONMENT?.toUpperCase() === 'LIVE';
  const isProduction = isLive || values.NODE_ENV === 'production';
  const url = values.MONGODB_URL ?? null;
  // A setting that is there but wrong has its own fault: do not also call it missing.
  const isMissing = (name: SettingName): boolean =>
    values[name] === undefined && !readingFaults.some((fault) => fault.setting === name);

  if (isProduction && isMissing('MONGODB_URL')) {
    faults.push(
      'MONGODB_URL: needed with ENVIRONMENT=LIVE or NODE_ENV=production; the embedded database is for evaluation',
    );
  }
  if (url !== null && isMissing('JWT_SECRET')) {
    faults.push('JWT_SECRET: needed with MONGODB_URL, at least 32 bytes; every instance needs the same one');
  }
  if (isMissing('ADMIN_EMAIL') && values.ADMIN_PASSWORD !== undefined) {
    faults.push('ADMIN_EMAIL: needed with ADMIN_PASSWORD');
  }
  if (isMissing('ADMIN_PASSWORD') && values.ADMIN_EMAIL !== undefined) {
    faults.push('ADMIN_PASSWORD: needed with ADMIN_EMAIL');
  }
  const orangeKmh = values.CREW_SPEED_ORANGE_KMH ?? 80;
  const redKmh = values.CREW_SPEED_RED_KMH ?? 120;
  if (redKmh <= orangeKmh) faults.push('CREW_SPEED_RED_KMH: must be above CREW_SPEED_ORANGE_KMH');
  if (faults.length > 0) throw new SettingsError(faults);

  const dataDir = resolve(values.DATA_DIR ?? 'data');
  const made = url === null ? keepEvaluationSecrets(dataDir) : null;
  const jwtSecret = values.JWT_SECRET ?? made?.jwtSecret;
  if (jwtSecret === undefined) throw new SettingsError(['JWT_SECRET: needed']);
  const given =
    values.ADMIN_EMAIL !== undefined && values.ADMIN_PASSWORD !== undefined
      ? { email: values.ADMIN_EMAIL, password: values.ADMIN_PASSWORD, isGenerated: false }
      : null;
  const settings: Settings = {
    isLive,
    isProduction,
    dataDir,
    http: {
      host: values.HTTP_HOST ?? (url === null ? '127.0.0.1' : '0.0.0.0'),
      port: values.HTTP_PORT ?? 5000,
      trustProxy: values.TRUST_PROXY ?? [],
    },
    socket: { port: values.SOCKET_SERVER_PORT ?? 5050 },
    mongo: { url, timeoutMs: values.MONGODB_TIMEOUT_MS ?? 5_000 },
    auth: {
      jwtSecret,
      jwtSecretPrevious: values.JWT_SECRET_PREVIOUS ?? null,
      opsTokens: [values.OPS_TOKEN, values.OPS_TOKEN_PREVIOUS].filter((token) => token !== undefined),
      accessTokenTtlS: values.ACCESS_TOKEN_TTL_S ?? 900,
      firstAdmin: given ?? made?.firstAdmin ?? null,
      failuresPerAccount: values.LOGIN_FAILURES_PER_ACCOUNT ?? 10,
      failuresPerIp: values.LOGIN_FAILURES_PER_IP ?? 100,
      failureWindowS: values.LOGIN_FAILURE_WINDOW_S ?? 900,
      hashesAtOnce: values.PASSWORD_HASHES_AT_ONCE ?? 2,
    },
    positions: {
      maxAheadS: values.POSITION_MAX_AHEAD_S ?? 300,
      oldestMs: values.POSITION_OLDEST ?? Date.UTC(2000, 0, 1),
      maxAccuracyM: values.POSITION_MAX_ACCURACY_M ?? 5_000,
      maxSpeedMps: values.POSITION_MAX_SPEED_MPS ?? 100,
      jumpsToRelease: values.POSITION_JUMPS_TO_RELEASE ?? 3,
    },
    live: { replayLimit: values.LIVE_REPLAY_LIMIT ?? 60_000 },
    log: { level: values.LOG_LEVEL ?? 'info' },
    release: {
      version: packageVersion(),
      revision: values.RELEASE_REVISION ?? gitRevision(),
      color: values.RELEASE_COLOR ?? null,
    },
    schema: { onStart: values.SCHEMA_ON_START ?? (url === null ? 'up' : 'check') },
    tls: { certPath: values.TLS_CERT_PATH ?? null },
    metrics: { allowFrom: values.METRICS_ALLOW_FROM ?? [] },
    images: {
      directory: imageDirectory(values.IMAGE_DIR, url === null ? dataDir : null),
      maxBytes: values.IMAGE_MAX_BYTES ?? 15_000_000,
      maxPixels: values.IMAGE_MAX_PIXELS ?? 100_000_000,
      vehicleQuotaBytes: values.IMAGE_VEHICLE_QUOTA_BYTES ?? 50_000_000_000,
      minFreePct: values.IMAGE_MIN_FREE_PCT ?? 5,
      isExifKept: values.IMAGE_KEEP_EXIF === 'on',
      decoderMemoryMb: values.IMAGE_DECODER_MEMORY_MB ?? 384,
      isAccelerated: values.IMAGE_ACCEL === '1',
      oldAddresses: values.IMAGE_OLD_ADDRESSES ?? 'public',
    },
    legacy: {
      isEnabled: values.LEGACY_CLIENTS !== 'off',
      rooms: values.LEGACY_ROOMS ?? [...LEGACY_ROOMS],
      maxPanels: values.LEGACY_MAX_PANELS ?? 200,
      timeZone: values.LEGACY_TIME_ZONE ?? new Intl.DateTimeFormat('en').resolvedOptions().timeZone,
    },
    sharedCollections: { isEnabled: values.LEGACY_COLLECTIONS === 'write' },
    crewEvents: {
      isEnabled: values.CREW_EVENTS !== 'off',
      offlineAfterS: values.CREW_OFFLINE_AFTER_S ?? 60,
      speedLimitsKmh: [orangeKmh, redKmh],
      nearArrivalMinutes: values.CREW_NEAR_ARRIVAL_MINUTES ?? 10,
      nearArrivalStatuses: values.CREW_NEAR_ARRIVAL_STATUSES ?? null,
      panel: {
        url: values.PANEL_NOTIFICATION_URL ?? null,
        nearArrivalType: values.PANEL_NEAR_ARRIVAL_TYPE ?? 'AMBULANCE_NEAR_ARRIVAL',
        timeoutMs: values.PANEL_TIMEOUT_MS ?? 5_000,
        giveUpAfterS: values.PANEL_GIVE_UP_AFTER_S ?? 3_600,
      },
    },
    google: { mapKey: values.GOOGLE_MAP_KEY ?? null },
    drainTimeoutS: values.DRAIN_TIMEOUT_S ?? 25,
    httpLingerMs: values.HTTP_LINGER_MS ?? 2_000,
    retention: { positionDays: values.POSITION_RETENTION_DAYS ?? null },
  };
  return { settings: deepFreeze(settings), notices };
}

function imageDirectory(given: string | undefined, evaluationDataDir: string | null): string | null {
  if (given !== undefined) return resolve(given);
  return evaluationDataDir === null ? null : join(evaluationDataDir, 'images');
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  }
  return Object.freeze(value);
}

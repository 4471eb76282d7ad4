import { join, resolve } from 'node:path';
import { gitRevision, packageVersion } from './build-info.js';
import { loadOrCreateEvaluationSecrets } from './evaluation-secrets.js';
import { readEnvironment, type Environment } from './read-environment.js';
import type { SettingName, SettingValues } from './setting-definitions.js';
import { SettingsError, type SettingNotice, type Settings } from './settings.js';

export interface LoadedSettings {
  readonly settings: Settings;
  readonly notices: readonly SettingNotice[];
}

/**
 * Makes the settings from the environment.
 * @throws SettingsError with all faults
 */
export function loadSettings(env: Environment): LoadedSettings {
  const { values, faults: readingFaults, notices: readingNotices } = readEnvironment(env);
  const notices = [...readingNotices];
  const faults = readingFaults.map((fault) => fault.text);
  const isLive = values.ENVIRONMENT === 'LIVE';
  const isProduction = isLive || values.NODE_ENV === 'production';
  const url = values.MONGODB_URL;
  // A setting with a wrong value has its own fault and is not missing.
  const isMissing = (name: SettingName): boolean =>
    values[name] === null && !readingFaults.some((fault) => fault.setting === name);

  if (isProduction && isMissing('MONGODB_URL')) {
    faults.push(
      'MONGODB_URL: needed with ENVIRONMENT=LIVE or NODE_ENV=production; the embedded database is for evaluation',
    );
  }
  if (url !== null && isMissing('JWT_SECRET')) {
    faults.push('JWT_SECRET: needed with MONGODB_URL, at least 32 bytes; every instance needs the same one');
  }
  if (isMissing('ADMIN_EMAIL') && values.ADMIN_PASSWORD !== null) {
    faults.push('ADMIN_EMAIL: needed with ADMIN_PASSWORD');
  }
  if (isMissing('ADMIN_PASSWORD') && values.ADMIN_EMAIL !== null) {
    faults.push('ADMIN_PASSWORD: needed with ADMIN_EMAIL');
  }
  if (values.LEGACY_TEE_URL !== null && values.LEGACY_SPOOL_MAX_BYTES === 0)
    faults.push('LEGACY_TEE_URL: needs the spool; LEGACY_SPOOL_MAX_BYTES is 0');
  if (values.CREW_SPEED_RED_KMH <= values.CREW_SPEED_ORANGE_KMH) {
    faults.push('CREW_SPEED_RED_KMH: must be above CREW_SPEED_ORANGE_KMH');
  }
  if (faults.length > 0) throw new SettingsError(faults, notices);

  const dataDir = resolve(values.DATA_DIR);
  const generated = url === null ? loadOrCreateEvaluationSecrets(dataDir) : null;
  const jwtSecret = values.JWT_SECRET ?? generated?.jwtSecret;
  if (jwtSecret === undefined) throw new SettingsError(['JWT_SECRET: needed']);
  const firstAdmin =
    values.ADMIN_EMAIL !== null && values.ADMIN_PASSWORD !== null
      ? { email: values.ADMIN_EMAIL, password: values.ADMIN_PASSWORD, isGenerated: false }
      : (generated?.firstAdmin ?? null);
  const settings: Settings = {
    isLive,
    isProduction,
    dataDir,
    http: {
      host: values.HTTP_HOST,
      port: values.HTTP_PORT,
      trustProxy: values.TRUST_PROXY,
      bodyPace: {
        stallMs: values.HTTP_BODY_STALL_S * 1_000,
        minBytesPerS: values.HTTP_BODY_MIN_BYTES_PER_S,
      },
      corsOrigins: values.CORS_ORIGINS,
    },
    socket: {
      port: values.SOCKET_SERVER_PORT,
      limits: {
        packetsPerPayload: values.SOCKET_MAX_PACKETS_PER_PAYLOAD,
        eventsPerS: values.SOCKET_EVENTS_PER_S,
        eventBurst: values.SOCKET_EVENT_BURST,
        anonymousMessageBytes: values.SOCKET_MAX_MESSAGE_BYTES_ANONYMOUS,
        unsentAcks: values.SOCKET_MAX_UNSENT_ACKS,
        unsentBytes: values.SOCKET_MAX_UNSENT_BYTES,
        anonymousUnsentBytes: values.SOCKET_MAX_UNSENT_BYTES_ANONYMOUS,
        totalUnsentBytes: values.SOCKET_MAX_UNSENT_BYTES_TOTAL,
        writeTimeoutMs: values.SOCKET_WRITE_TIMEOUT_S * 1_000,
        unjoined: values.SOCKET_MAX_UNJOINED,
        unjoinedPerAddress: values.SOCKET_MAX_UNJOINED_PER_ADDRESS,
        perCaller: values.SOCKET_MAX_PER_CALLER,
      },
    },
    mongo: { url, timeoutMs: values.MONGODB_TIMEOUT_MS },
    redis: { url: redisUrl(values, isLive, notices), prefix: values.REDIS_PREFIX },
    auth: {
      jwtSecret,
      jwtSecretPrevious: values.JWT_SECRET_PREVIOUS,
      opsTokens: [values.OPS_TOKEN, values.OPS_TOKEN_PREVIOUS].filter((token) => token !== null),
      accessTokenTtlS: values.ACCESS_TOKEN_TTL_S,
      firstAdmin,
      failuresPerAccount: values.LOGIN_FAILURES_PER_ACCOUNT,
      failuresPerIp: values.LOGIN_FAILURES_PER_IP,
      failureWindowS: values.LOGIN_FAILURE_WINDOW_S,
      hashesAtOnce: values.PASSWORD_HASHES_AT_ONCE,
    },
    limits: {
      inFlightBytes: values.IN_FLIGHT_MAX_BYTES,
      inFlightBytesPerCaller: values.IN_FLIGHT_MAX_BYTES_PER_CALLER,
      jsonBytesPerS: values.JSON_BYTES_PER_S,
      connectionsPerAddress: values.CONNECTIONS_PER_ADDRESS,
      writeStallS: values.WRITE_STALL_TIMEOUT_S,
      unsentBytes: values.UNSENT_MAX_BYTES,
    },
    positions: {
      maxAheadS: values.POSITION_MAX_AHEAD_S,
      oldestMs: values.POSITION_OLDEST,
      rolloverDays: values.POSITION_ROLLOVER_DAYS,
      maxBehindDays: values.POSITION_MAX_BEHIND_DAYS,
      clockBehindS: values.POSITION_CLOCK_BEHIND_S,
      maxAccuracyM: values.POSITION_MAX_ACCURACY_M,
      maxSpeedMps: values.POSITION_MAX_SPEED_MPS,
      jumpsToRelease: values.POSITION_JUMPS_TO_RELEASE,
    },
    live: {
      replayLimit: values.LIVE_REPLAY_LIMIT,
      maxUnsentBytes: values.LIVE_MAX_UNSENT_BYTES,
      maxUnsentMs: values.LIVE_MAX_UNSENT_S * 1_000,
    },
    log: { level: values.LOG_LEVEL, bufferBytes: values.LOG_BUFFER_BYTES },
    release: {
      version: packageVersion(),
      revision: values.RELEASE_REVISION ?? gitRevision(),
      color: values.RELEASE_COLOR,
    },
    schema: { onStart: values.SCHEMA_ON_START },
    tls: { certPath: values.TLS_CERT_PATH },
    metrics: { allowFrom: values.METRICS_ALLOW_FROM },
    backups: {
      directory: values.BACKUP_DIR && resolve(values.BACKUP_DIR),
      everyMs: values.BACKUP_EVERY_H * 3_600_000,
      keep: values.BACKUP_KEEP,
      keyFile: values.BACKUP_AGE_PATH && resolve(values.BACKUP_AGE_PATH),
      imagesDirectory: values.BACKUP_IMAGES_DIR && resolve(values.BACKUP_IMAGES_DIR),
    },
    images: {
      directory: imageDirectory(values.IMAGE_DIR, url === null ? dataDir : null),
      maxBytes: values.IMAGE_MAX_BYTES,
      maxPixels: values.IMAGE_MAX_PIXELS,
      uploadsAtOnce: values.IMAGE_UPLOADS_AT_ONCE,
      vehicleQuotaBytes: values.IMAGE_VEHICLE_QUOTA_BYTES,
      minFreePct: values.IMAGE_MIN_FREE_PCT,
      decodeOneIn: values.IMAGE_DECODE_ONE_IN,
      retentionDays: values.IMAGE_RETENTION_DAYS,
      retentionAdopted: values.IMAGE_RETENTION_ADOPTED,
      whenFull: values.IMAGE_WHEN_FULL,
      volumeMaxBytes: values.IMAGE_VOLUME_MAX_BYTES,
      isExifKept: values.IMAGE_KEEP_EXIF === 'on',
      decoderMemoryMb: values.IMAGE_DECODER_MEMORY_MB,
      isAccelerated: values.IMAGE_ACCEL === '1',
      oldAddresses: values.IMAGE_OLD_ADDRESSES,
    },
    legacy: {
      isEnabled: values.LEGACY_CLIENTS === 'on',
      rooms: values.LEGACY_ROOMS,
      maxPanels: values.LEGACY_MAX_PANELS,
      boxes: {
        postsPerSOfAddress: values.LEGACY_POSTS_PER_S_PER_ADDRESS,
        positionsPerS: values.LEGACY_POSITIONS_PER_S_PER_BOX,
        picturePostsPerS: values.LEGACY_PICTURE_POSTS_PER_S_PER_BOX,
        picturePostsAtOnce: values.LEGACY_PICTURE_POSTS_AT_ONCE,
      },
      maxPanelsPerAddress: values.LEGACY_MAX_PANELS_PER_ADDRESS,
      mirror: { secret: values.LEGACY_MIRROR_SECRET, isOn: values.LEGACY_MIRROR === 'on' },
      shadowDirectory: resolve(values.LEGACY_SHADOW_DIR ?? join(dataDir, 'legacy-shadow-pictures')),
      teeUrl: values.LEGACY_TEE_URL,
      role: values.LEGACY_ROLES,
      spool: {
        directory: resolve(values.LEGACY_SPOOL_DIR ?? join(dataDir, 'legacy-spool')),
        maxBytes: values.LEGACY_SPOOL_MAX_BYTES,
        maxAgeMs: values.LEGACY_SPOOL_MAX_AGE_S * 1_000,
      },
      timeZone: values.LEGACY_TIME_ZONE ?? new Intl.DateTimeFormat('en').resolvedOptions().timeZone,
    },
    sharedCollections: { isEnabled: values.LEGACY_COLLECTIONS === 'write' },
    crewEvents: {
      isEnabled: values.CREW_EVENTS === 'on',
      offlineAfterS: values.CREW_OFFLINE_AFTER_S,
      speedLimitsKmh: [values.CREW_SPEED_ORANGE_KMH, values.CREW_SPEED_RED_KMH],
      nearArrivalMinutes: values.CREW_NEAR_ARRIVAL_MINUTES,
      nearArrivalStatuses: values.CREW_NEAR_ARRIVAL_STATUSES,
      notifyMaxAgeS: values.CREW_NOTIFY_MAX_AGE_S,
      panel: {
        url: values.PANEL_NOTIFICATION_URL,
        nearArrivalStatuses: values.PANEL_NEAR_ARRIVAL_STATUSES,
        timeoutMs: values.PANEL_TIMEOUT_MS,
        giveUpAfterS: values.PANEL_GIVE_UP_AFTER_S,
      },
    },
    google: { mapKey: values.GOOGLE_MAP_KEY },
    drainTimeoutS: values.DRAIN_TIMEOUT_S,
    httpLingerMs: values.HTTP_LINGER_MS,
    retention: { positionDays: values.POSITION_RETENTION_DAYS },
  };
  return { settings: deepFreeze(settings), notices };
}

/** The address of Redis: `REDIS_URL`, or with ENVIRONMENT=LIVE the names of the old server. */
function redisUrl(values: SettingValues, isLive: boolean, notices: SettingNotice[]): string | null {
  const {
    REDIS_URL: url,
    LIVE_REDIS_HOST: host,
    LIVE_REDIS_PORT: port,
    LIVE_REDIS_PASSWORD: password,
  } = values;
  if (host === null) return url;
  if (url !== null) notices.push('LIVE_REDIS_HOST is set and not used: REDIS_URL wins');
  else if (!isLive) {
    notices.push('LIVE_REDIS_HOST is set and not used: it counts only with ENVIRONMENT=LIVE; use REDIS_URL');
  } else {
    notices.push('LIVE_REDIS_HOST is taken as REDIS_URL');
    const login = password === null ? '' : `:${encodeURIComponent(password)}@`;
    return `redis://${login}${host}:${port}`;
  }
  return url;
}

function imageDirectory(given: string | null, evaluationDataDir: string | null): string | null {
  if (given !== null) return resolve(given);
  return evaluationDataDir === null ? null : join(evaluationDataDir, 'images');
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  }
  return Object.freeze(value);
}

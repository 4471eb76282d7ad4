/** The settings of the service, validated and frozen. Made by `loadSettings`, injected under `SETTINGS`. */
export interface Settings {
  /** ENVIRONMENT=LIVE. */
  readonly isLive: boolean;
  /** ENVIRONMENT=LIVE or NODE_ENV=production. */
  readonly isProduction: boolean;
  readonly dataDir: string;
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** Exact IP addresses. */
    readonly trustProxy: readonly string[];
    readonly bodyPace: { readonly stallMs: number; readonly minBytesPerS: number };
    /** Origins of pages of other hosts that may call the API. */
    readonly corsOrigins: readonly string[];
  };
  readonly socket: { readonly port: number; readonly limits: SocketLimits };
  readonly mongo: {
    /** null: the embedded evaluation database under `dataDir`. */
    readonly url: string | null;
    readonly timeoutMs: number;
  };
  readonly redis: {
    /** null: one instance, with everything in memory. */
    readonly url: string | null;
    readonly prefix: string;
  };
  readonly auth: {
    readonly jwtSecret: string;
    /** Accepted for verification, never used to sign. */
    readonly jwtSecretPrevious: string | null;
    /** All are valid; empty: no caller is an operator. */
    readonly opsTokens: readonly string[];
    readonly accessTokenTtlS: number;
    /** Created as the first user when there is no user. */
    readonly firstAdmin: FirstAdmin | null;
    readonly failuresPerAccount: number;
    readonly failuresPerIp: number;
    readonly failureWindowS: number;
    readonly hashesAtOnce: number;
  };
  /** Bounds on what clients can make the service hold or do. */
  readonly limits: {
    readonly inFlightBytes: number;
    readonly inFlightBytesPerCaller: number;
    readonly jsonBytesPerS: number;
    readonly connectionsPerAddress: number;
    readonly writeStallS: number;
    readonly unsentBytes: number;
  };
  /** Limits of the position rules. */
  readonly positions: {
    readonly maxAheadS: number;
    /** Epoch milliseconds. */
    readonly oldestMs: number;
    readonly rolloverDays: number;
    readonly maxBehindDays: number;
    readonly clockBehindS: number;
    readonly maxAccuracyM: number;
    readonly maxSpeedMps: number;
    readonly jumpsToRelease: number;
  };
  readonly live: {
    /** Positions in one replay. */
    readonly replayLimit: number;
    /** Limits of one subscriber's connection. */
    readonly maxUnsentBytes: number;
    readonly maxUnsentMs: number;
  };
  readonly log: {
    readonly level: LogLevelName;
    /** Of lines that wait for the reader of stdout. */
    readonly bufferBytes: number;
  };
  readonly release: Release;
  readonly schema: { readonly onStart: 'up' | 'check' };
  readonly tls: { readonly certPath: string | null };
  readonly metrics: { readonly allowFrom: readonly string[] };
  readonly backups: BackupSettings;
  readonly images: ImageSettings;
  readonly legacy: LegacySettings;
  /** The collections of the old server, read by other programs. */
  readonly sharedCollections: { readonly isEnabled: boolean };
  readonly crewEvents: CrewEventSettings;
  readonly google: {
    /** null: no request goes to Google. */
    readonly mapKey: string | null;
  };
  readonly drainTimeoutS: number;
  readonly httpLingerMs: number;
  /** null: positions are kept forever. */
  readonly retention: { readonly positionDays: number | null };
}

/** Bounds of one Socket.IO connection, and of all together; see `SOCKET_LIMIT_SETTINGS`. */
export interface SocketLimits {
  readonly packetsPerPayload: number;
  readonly eventsPerS: number;
  readonly eventBurst: number;
  readonly anonymousMessageBytes: number;
  readonly unsentAcks: number;
  readonly unsentBytes: number;
  readonly anonymousUnsentBytes: number;
  readonly totalUnsentBytes: number;
  readonly writeTimeoutMs: number;
  readonly unjoined: number;
  readonly unjoinedPerAddress: number;
  readonly perCaller: number;
}

export interface BackupSettings {
  /** null: no backups. */
  readonly directory: string | null;
  /** 0: only by command. */
  readonly everyMs: number;
  readonly keep: number;
  readonly keyFile: string | null;
  /** Backup of the pictures; null: none is named. */
  readonly imagesDirectory: string | null;
}

export interface ImageSettings {
  /** Root of the picture volume; null: this deployment keeps no pictures. */
  readonly directory: string | null;
  readonly maxBytes: number;
  readonly maxPixels: number;
  readonly uploadsAtOnce: number;
  readonly vehicleQuotaBytes: number;
  /** Free space of the volume below which uploads are refused. */
  readonly minFreePct: number;
  /** Of the JPEGs of old boxes, one in this number is decoded on arrival. */
  readonly decodeOneIn: number;
  /** Age at which images are deleted; null: never. */
  readonly retentionDays: number | null;
  /** Whether retention may delete images that the old server stored. */
  readonly retentionAdopted: 'keep' | 'delete';
  /** Without room for a new picture of a box, the new one is refused, or the oldest ones are deleted. */
  readonly whenFull: 'refuse' | 'replace';
  /** Of all images together; null: no limit. */
  readonly volumeMaxBytes: number | null;
  readonly isExifKept: boolean;
  readonly decoderMemoryMb: number;
  /** nginx sends the files. */
  readonly isAccelerated: boolean;
  readonly oldAddresses: 'public' | 'token';
}

/** Rooms of old panels: all positions, positions of one vehicle, pictures, all crashes, crashes of one vehicle. */
export const LEGACY_ROOMS = ['tracking', 'vehicle', 'snap', 'crash', 'crash_notify'] as const;
export type LegacyRoom = (typeof LEGACY_ROOMS)[number];

/** `old`: the old server writes the shared collections and notifies the panel. `samserver`: this service does. */
export const LEGACY_ROLES = ['old', 'samserver'] as const;
export type LegacyRole = (typeof LEGACY_ROLES)[number];

interface LegacySettings {
  /** Boxes and panels of the old server are served. */
  readonly isEnabled: boolean;
  readonly rooms: readonly LegacyRoom[];
  readonly maxPanels: number;
  /** Limits of the requests of boxes. */
  readonly boxes: {
    readonly postsPerSOfAddress: number;
    readonly positionsPerS: number;
    readonly picturePostsPerS: number;
    readonly picturePostsAtOnce: number;
  };
  readonly maxPanelsPerAddress: number;
  /** Where the requests of boxes wait while storage does not answer. */
  readonly spool: SpoolSettings;
  /** IANA name. */
  readonly timeZone: string;
  readonly mirror: {
    /** null: no post counts as mirrored. */
    readonly secret: string | null;
    /** Applies until it is changed for the first time. */
    readonly isOn: boolean;
  };
  /** Absolute. */
  readonly shadowDirectory: string;
  /** Of the old server, to which posts are passed on; null: none. */
  readonly teeUrl: string | null;
  /** Applies until the role is changed for the first time. */
  readonly role: LegacyRole;
}

export interface SpoolSettings {
  /** Absolute. */
  readonly directory: string;
  /** 0: no spool. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export interface CrewEventSettings {
  readonly isEnabled: boolean;
  readonly offlineAfterS: number;
  /** Limits of the average speed, ascending. */
  readonly speedLimitsKmh: readonly [orange: number, red: number];
  readonly nearArrivalMinutes: number;
  /** null: every status of an open request. */
  readonly nearArrivalStatuses: readonly string[] | null;
  /** An older event is stored and shown as late, and not sent to the panel. */
  readonly notifyMaxAgeS: number;
  readonly panel: {
    /** null: no notification is sent. */
    readonly url: string | null;
    readonly nearArrivalStatuses: readonly string[];
    readonly timeoutMs: number;
    readonly giveUpAfterS: number;
  };
}

/** From the most severe; `silent` logs nothing. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevelName = (typeof LOG_LEVELS)[number];

export type ReleaseColor = 'blue' | 'green';

/** The identity of the running release. */
export interface Release {
  readonly version: string;
  /** Git commit; null when unknown. */
  readonly revision: string | null;
  readonly color: ReleaseColor | null;
}

export interface FirstAdmin {
  readonly email: string;
  readonly password: string;
  /** Generated for the evaluation database, so it may be printed; a login from the environment is never printed. */
  readonly isGenerated: boolean;
}

/** A warning at start: a setting without effect, or a former name in use. */
export type SettingNotice = string;

/** All faults of the settings. The process prints them and ends with exit code 78 (EX_CONFIG). */
export class SettingsError extends Error {
  /** @param notices often the reason for a fault: a misspelt name is a setting that is missing */
  constructor(
    readonly faults: readonly string[],
    notices: readonly SettingNotice[] = [],
  ) {
    const lines = [...faults, ...notices.map((notice) => `note: ${notice}`)];
    super(`wrong settings:\n${lines.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'SettingsError';
  }
}

/** What the service was told, checked and frozen. Made by `loadSettings`, injected under `SETTINGS`. */
export interface Settings {
  /** ENVIRONMENT=LIVE: lives hang on this one. */
  readonly isLive: boolean;
  /** ENVIRONMENT=LIVE or NODE_ENV=production. */
  readonly isProduction: boolean;
  readonly dataDir: string;
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** Exact IP addresses. */
    readonly trustProxy: readonly string[];
  };
  readonly socket: { readonly port: number };
  readonly mongo: {
    /** null: the embedded evaluation database under `dataDir`. */
    readonly url: string | null;
    readonly timeoutMs: number;
  };
  readonly auth: {
    readonly jwtSecret: string;
    /** Still accepted, never signed with. */
    readonly jwtSecretPrevious: string | null;
    /** Both good; empty: nobody is an operator. */
    readonly opsTokens: readonly string[];
    readonly accessTokenTtlS: number;
    /** Made into the first user when there is none. */
    readonly firstAdmin: FirstAdmin | null;
    readonly failuresPerAccount: number;
    readonly failuresPerIp: number;
    readonly failureWindowS: number;
    readonly hashesAtOnce: number;
  };
  /** What makes a fix doubtful; contract, "A position and its verdict". */
  readonly positions: {
    readonly maxAheadS: number;
    /** Epoch milliseconds. */
    readonly oldestMs: number;
    readonly maxAccuracyM: number;
    readonly maxSpeedMps: number;
    readonly jumpsToRelease: number;
  };
  readonly live: {
    /** Positions of one replay. */
    readonly replayLimit: number;
  };
  readonly log: { readonly level: string };
  readonly release: Release;
  readonly schema: { readonly onStart: 'up' | 'check' };
  readonly tls: { readonly certPath: string | null };
  readonly metrics: { readonly allowFrom: readonly string[] };
  readonly images: ImageSettings;
  readonly legacy: LegacySettings;
  /** The old server's collections, which other programs read. */
  readonly sharedCollections: { readonly isEnabled: boolean };
  readonly crewEvents: CrewEventSettings;
  readonly google: {
    /** null: nobody is asked, and nothing leaves the house. */
    readonly mapKey: string | null;
  };
  readonly drainTimeoutS: number;
  readonly httpLingerMs: number;
  /** How long things are kept; null: for ever. */
  readonly retention: { readonly positionDays: number | null };
}

export interface ImageSettings {
  /** The volume; null: there are no pictures here. */
  readonly directory: string | null;
  readonly maxBytes: number;
  readonly maxPixels: number;
  readonly vehicleQuotaBytes: number;
  /** Of the volume, below which nothing more is taken in. */
  readonly minFreePct: number;
  readonly isExifKept: boolean;
  readonly decoderMemoryMb: number;
  /** nginx sends the files. */
  readonly isAccelerated: boolean;
  readonly oldAddresses: 'public' | 'token';
}

/** What an old panel may hear of: all positions, one vehicle's, pictures, crashes, one vehicle's crashes. */
export const LEGACY_ROOMS = ['tracking', 'vehicle', 'snap', 'crash', 'crash_notify'] as const;
export type LegacyRoom = (typeof LEGACY_ROOMS)[number];

export interface LegacySettings {
  /** The old server's boxes and panels are served. */
  readonly isEnabled: boolean;
  readonly rooms: readonly LegacyRoom[];
  readonly maxPanels: number;
  /** IANA. */
  readonly timeZone: string;
}

/** What is noticed for crews, and told the panel. */
export interface CrewEventSettings {
  readonly isEnabled: boolean;
  readonly offlineAfterS: number;
  /** Of the average speed, rising. */
  readonly speedLimitsKmh: readonly [orange: number, red: number];
  readonly nearArrivalMinutes: number;
  /** null: every status of an open request. */
  readonly nearArrivalStatuses: readonly string[] | null;
  readonly panel: {
    /** null: nothing is sent. */
    readonly url: string | null;
    readonly nearArrivalType: string;
    readonly timeoutMs: number;
    readonly giveUpAfterS: number;
  };
}

export type ReleaseColor = 'blue' | 'green';

/** Which release this is. */
export interface Release {
  readonly version: string;
  /** Git; null where nothing tells. */
  readonly revision: string | null;
  readonly color: ReleaseColor | null;
}

export interface FirstAdmin {
  readonly email: string;
  readonly password: string;
  /** Made up for the evaluation database, so it may be printed; one from the environment never is. */
  readonly isGenerated: boolean;
}

/** Something the operator should read at start: a setting without effect, a former name in use. */
export type SettingNotice = string;

/** Every fault at once; `main` prints them and ends with exit code 78 (EX_CONFIG). */
export class SettingsError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`wrong settings:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'SettingsError';
  }
}

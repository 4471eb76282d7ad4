import * as parse from './parsers.js';
import { LEGACY_ROOMS } from './settings.js';

/** One setting as the operator sees it: its name in the environment, what it accepts, what it does. */
export interface SettingDefinition<T> {
  readonly parse: parse.Parser<T>;
  /** One line for `.env.example`; states unit and default. */
  readonly about: string;
  /** Names of the old server that mean the same; the new name wins. */
  readonly formerNames?: readonly FormerName[];
}

export interface FormerName {
  readonly name: string;
  /** The old server read these only with ENVIRONMENT=LIVE. */
  readonly onlyWhenLive: boolean;
}

const define = <T>(definition: SettingDefinition<T>): SettingDefinition<T> => definition;

/** Every setting there is. `.env.example` is checked against this table. */
export const SETTING_DEFINITIONS = {
  ENVIRONMENT: define({
    parse: parse.text(1, 40),
    about: 'LIVE where lives hang on it: the evaluation database is refused there.',
  }),
  NODE_ENV: define({
    parse: parse.text(1, 40),
    about: 'production refuses the evaluation database too.',
  }),
  HTTP_HOST: define({
    parse: parse.host,
    about: 'Address both ports listen on. Default 0.0.0.0; 127.0.0.1 on the embedded database.',
  }),
  HTTP_PORT: define({ parse: parse.port, about: 'HTTP API. Default 5000; 0 picks a free port.' }),
  SOCKET_SERVER_PORT: define({
    parse: parse.port,
    about: 'Socket.IO: /devices and /live. Default 5050; 0 picks a free port.',
  }),
  MONGODB_URL: define({
    parse: parse.mongoUrl,
    about:
      'MongoDB 6 or newer, with a database name. Without it: the embedded evaluation database in DATA_DIR.',
    formerNames: [{ name: 'MONGODB_LIVE_URL', onlyWhenLive: true }],
  }),
  MONGODB_TIMEOUT_MS: define({
    parse: parse.integer(100, 60_000),
    about: 'How long the database may take before a caller gets 503 and a retry hint. Default 5000.',
  }),
  DATA_DIR: define({
    parse: parse.text(1, 1024),
    about: 'Where the embedded database and what is made once for it are kept. Default ./data.',
  }),
  JWT_SECRET: define({
    parse: parse.secret(32),
    about: 'Signs access tokens, at least 32 bytes. Made once and kept in DATA_DIR on the embedded database.',
  }),
  JWT_SECRET_PREVIOUS: define({
    parse: parse.secret(32),
    about: 'The secret before the last change: tokens signed with it are good until they expire.',
  }),
  OPS_TOKEN: define({
    parse: parse.secret(32),
    about:
      'Bearer token of operators and tools, at least 32 bytes: details of /ready, /metrics, ops calls. Default: none.',
  }),
  OPS_TOKEN_PREVIOUS: define({
    parse: parse.secret(32),
    about: 'A second one that is good too, while the first is being changed everywhere.',
  }),
  ADMIN_EMAIL: define({
    parse: parse.email,
    about: 'First admin, made when there is no user yet. Made up and printed on the embedded database.',
  }),
  POSITION_MAX_AHEAD_S: define({
    parse: parse.integer(0, 86_400),
    about: 'Seconds a fix may be ahead of our clock before it is quarantined as future. Default 300.',
  }),
  POSITION_OLDEST: define({
    parse: parse.day,
    about: 'Fixes before this day (UTC) are quarantined as too_old. Default 2000-01-01.',
  }),
  POSITION_MAX_ACCURACY_M: define({
    parse: parse.integer(1, 10_000_000),
    about: 'Metres of accuracy above which a fix is quarantined as inaccurate. Default 5000.',
  }),
  POSITION_MAX_SPEED_MPS: define({
    parse: parse.integer(1, 10_000),
    about: 'Metres per second between two fixes above which the later is quarantined as jump. Default 100.',
  }),
  POSITION_JUMPS_TO_RELEASE: define({
    parse: parse.integer(2, 10),
    about: 'So many jumps in a row, each plausible from the one before, are released. Default 3.',
  }),
  LIVE_REPLAY_LIMIT: define({
    parse: parse.integer(1_000, 10_000_000),
    about: 'Positions shown at most to a watcher that comes back; beyond it starts over. Default 60000.',
  }),
  ADMIN_PASSWORD: define({ parse: parse.password, about: 'Of that first admin, 12 to 72 bytes.' }),
  ACCESS_TOKEN_TTL_S: define({
    parse: parse.integer(2, 86_400),
    about: 'Seconds an access token is good for; sockets are told a minute before. Default 900.',
  }),
  LOGIN_FAILURES_PER_ACCOUNT: define({
    parse: parse.integer(1, 1_000),
    about: 'Wrong guesses from one IP address at one account, per window, before it gets 429. Default 10.',
  }),
  LOGIN_FAILURES_PER_IP: define({
    parse: parse.integer(1, 100_000),
    about: 'Wrong guesses from one IP address at all accounts together, per window. Default 100.',
  }),
  LOGIN_FAILURE_WINDOW_S: define({
    parse: parse.integer(1, 86_400),
    about: 'Seconds after which wrong guesses are forgotten. Default 900.',
  }),
  PASSWORD_HASHES_AT_ONCE: define({
    parse: parse.integer(1, 64),
    about:
      "Passwords checked at the same moment; fewer than libuv's threads (UV_THREADPOOL_SIZE). Default 2.",
  }),
  TRUST_PROXY: define({
    parse: parse.addresses,
    about: 'Exact addresses of proxies whose X-Forwarded-For is believed, separated by commas. Default none.',
  }),
  LOG_LEVEL: define({
    parse: parse.oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    about: 'fatal, error, warn, info, debug, trace or silent. Default info.',
  }),
  DRAIN_TIMEOUT_S: define({
    parse: parse.integer(1, 600),
    about: 'Seconds from SIGTERM to the end, whatever is still open. Default 25.',
  }),
  HTTP_LINGER_MS: define({
    parse: parse.integer(0, 30_000),
    about:
      'Milliseconds of a drain that kept-alive HTTP connections have for one more call, told to be the last. Default 2000.',
  }),
  POSITION_RETENTION_DAYS: define({
    parse: parse.integer(1, 36_500),
    about:
      'Days after which positions are deleted, but for the newest of each vehicle; quarantined ones too. Default: never.',
  }),
  RELEASE_COLOR: define({
    parse: parse.oneOf('blue', 'green'),
    about: 'Which side of a blue-green pair this instance is: blue or green. Default: none.',
  }),
  RELEASE_REVISION: define({
    parse: parse.revision,
    about: 'Git revision of this build, 7 to 64 hexadecimal digits. Default: that of the clone it runs in.',
  }),
  SCHEMA_ON_START: define({
    parse: parse.oneOf('up', 'check'),
    about:
      'up runs the expand steps of the schema at start, check only looks. Default check; up on the embedded database.',
  }),
  TLS_CERT_PATH: define({
    parse: parse.text(1, 1024),
    about:
      'Certificate (PEM) whose last day is watched: 14 days before it, readiness is degraded. Default: none.',
  }),
  METRICS_ALLOW_FROM: define({
    parse: parse.addresses,
    about: 'Exact addresses that read /metrics without the ops token, separated by commas. Default none.',
  }),
  IMAGE_DIR: define({
    parse: parse.text(1, 1024),
    about:
      "Where pictures are kept; `samserver init` marks it as this deployment's. Default: none; DATA_DIR/images on the embedded database.",
  }),
  IMAGE_MAX_BYTES: define({
    parse: parse.integer(1_000, 1_000_000_000),
    about: 'Bytes of one picture above which it is refused. Default 15000000.',
  }),
  IMAGE_MAX_PIXELS: define({
    parse: parse.integer(1_000, 1_000_000_000),
    about: 'Width times height of a picture above which it is refused unseen. Default 100000000.',
  }),
  IMAGE_VEHICLE_QUOTA_BYTES: define({
    parse: parse.integer(1_000_000, 100_000_000_000_000),
    about: 'Bytes that the pictures of one vehicle may take together. Default 50000000000.',
  }),
  IMAGE_MIN_FREE_PCT: define({
    parse: parse.integer(0, 50),
    about: 'Free space of the volume, in per cent, under which no picture is taken in any more. Default 5.',
  }),
  IMAGE_KEEP_EXIF: define({
    parse: parse.oneOf('on', 'off'),
    about: 'on keeps what a picture says of place, device and time of taking; off removes it. Default off.',
  }),
  IMAGE_DECODER_MEMORY_MB: define({
    parse: parse.integer(128, 16_384),
    about: 'Memory at which the process that decodes pictures is ended. Default 384.',
  }),
  IMAGE_ACCEL: define({
    parse: parse.oneOf('0', '1'),
    about: '1 lets nginx send the files (X-Accel-Redirect to /protected-images/). Default 0.',
  }),
  IMAGE_OLD_ADDRESSES: define({
    parse: parse.oneOf('public', 'token'),
    about:
      "Who may read /uploads/ambulance_images/…, the old server's addresses: everybody (public), or users (token). Default public.",
  }),
  LEGACY_CLIENTS: define({
    parse: parse.oneOf('on', 'off'),
    about:
      "on serves the old server's boxes and panels on both ports, as it did: no token is asked of them. Default on.",
  }),
  LEGACY_ROOMS: define({
    parse: parse.someOf(...LEGACY_ROOMS),
    about:
      'Rooms that old panels may read, of tracking, vehicle, snap, crash, crash_notify, or none. Default: all of them.',
  }),
  LEGACY_MAX_PANELS: define({
    parse: parse.integer(1, 100_000),
    about: 'Sockets of old panels at the same time; one more is closed, to try again. Default 200.',
  }),
  LEGACY_TIME_ZONE: define({
    parse: parse.timeZone,
    about:
      "Time zone of the old picture folders (…/<Y>/<M>/<D>/<H>_<m>/…), as in Asia/Bangkok. Default: the machine's.",
  }),
  LEGACY_COLLECTIONS: define({
    parse: parse.oneOf('write', 'off'),
    about:
      "write keeps the old server's collections (ambulance_trackings and its kin) for the other programs on the database. Default off.",
  }),
  CREW_EVENTS: define({
    parse: parse.oneOf('on', 'off'),
    about:
      'on notices vehicles that go silent, speed or are nearly there, one instance for all of them. Default on.',
  }),
  CREW_OFFLINE_AFTER_S: define({
    parse: parse.integer(1, 86_400),
    about: 'Seconds without a position after which a vehicle is offline. Default 60.',
  }),
  CREW_SPEED_ORANGE_KMH: define({
    parse: parse.integer(1, 500),
    about:
      'Average speed in km/h above which SPEED_ABOVE_80 is said, and under it SPEED_BELOW_80. Default 80.',
  }),
  CREW_SPEED_RED_KMH: define({
    parse: parse.integer(1, 500),
    about: 'The same for SPEED_ABOVE_120 and SPEED_BELOW_120; above the former. Default 120.',
  }),
  CREW_NEAR_ARRIVAL_MINUTES: define({
    parse: parse.integer(1, 1_440),
    about: 'Minutes to the destination of its request under which a vehicle is nearly there. Default 10.',
  }),
  CREW_NEAR_ARRIVAL_STATUSES: define({
    parse: parse.words,
    about:
      'Values of request_status with which near arrival is said, separated by commas. Default: any but COMPLETED and CANCELED.',
  }),
  PANEL_NOTIFICATION_URL: define({
    parse: parse.webAddress,
    about:
      "The panel's route for these events, as in http://panel/api/notification/postAmbulanceSpeedNotification. Default: none, nothing is sent.",
  }),
  PANEL_NEAR_ARRIVAL_TYPE: define({
    parse: parse.text(1, 100),
    about: 'notification_type of near arrival, as the panel knows it. Default AMBULANCE_NEAR_ARRIVAL.',
  }),
  PANEL_TIMEOUT_MS: define({
    parse: parse.integer(100, 60_000),
    about: 'How long the panel may take to answer one notification. Default 5000.',
  }),
  PANEL_GIVE_UP_AFTER_S: define({
    parse: parse.integer(1, 604_800),
    about: 'Seconds for which a notification is tried again before it goes to the dead ones. Default 3600.',
  }),
  GOOGLE_MAP_KEY: define({
    parse: parse.secret(8),
    about:
      'Key for the Google Routes API, asked for the time left to a destination. Default: none, great-circle distance.',
  }),
} as const;

export type SettingName = keyof typeof SETTING_DEFINITIONS;
export type SettingValues = {
  [Name in SettingName]?: ReturnType<(typeof SETTING_DEFINITIONS)[Name]['parse']>;
};

/** Settings of the old server and of the contract that this release does not act on, and what is lost by that. */
export const UNUSED_SETTINGS: Readonly<Record<string, string>> = {
  REDIS_URL: 'no Redis is used: what would be cached there is kept in memory',
  LIVE_REDIS_HOST: 'no Redis is used: what would be cached there is kept in memory',
  LIVE_REDIS_PORT: 'no Redis is used',
  LIVE_REDIS_PASSWORD: 'no Redis is used',
  FCM_SERVER_KEY: 'no phone is notified; Firebase ended server keys in 2024',
};

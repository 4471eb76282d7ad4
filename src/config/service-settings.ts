import { setting } from './setting-definition.js';
import * as type from './setting-types.js';
import { LOG_LEVELS } from './settings.js';
import { SOCKET_LIMIT_SETTINGS } from './socket-limit-settings.js';

export const SYSTEM_SETTINGS = {
  ENVIRONMENT: setting({
    type: type.oneOfAnyCase('LIVE', 'STAGING', 'TEST', 'DEV'),
    default: null,
    text: '`LIVE` marks the live system. The service then refuses the embedded evaluation database. The other values have no effect.',
  }),
  NODE_ENV: setting({
    type: type.oneOf('production', 'development', 'test'),
    default: null,
    text: '`production` also refuses the embedded evaluation database. The other values have no effect.',
  }),
  HTTP_HOST: setting({
    type: type.host,
    default: '0.0.0.0',
    embeddedDefault: '127.0.0.1',
    text: 'Address that both ports listen on.',
  }),
  HTTP_PORT: setting({
    type: type.port,
    default: '5000',
    text: 'Port of the HTTP API. 0 picks a free port.',
  }),
  SOCKET_SERVER_PORT: setting({
    type: type.port,
    default: '5050',
    text: 'Port of Socket.IO with the namespaces `/devices` and `/live`. 0 picks a free port.',
  }),
};

export const BACKUP_SETTINGS = {
  BACKUP_DIR: setting({
    type: type.text(1, 1024),
    default: null,
    defaultText: 'none, the service makes no backups',
    text: 'Directory of the backups of the database. It should be on another disk or machine. Several instances must share it.',
  }),
  BACKUP_EVERY_H: setting({
    type: type.integer(0, 8_760),
    default: '0',
    unit: 'h',
    text: 'Interval at which one instance makes a backup, verifies it and deletes old ones. 0 makes none: `samserver backup run` does.',
  }),
  BACKUP_KEEP: setting({
    type: type.integer(1, 10_000),
    default: '7',
    text: 'Complete backups that are kept. Older ones are deleted after a new one is verified.',
  }),
  BACKUP_AGE_PATH: setting({
    type: type.text(1, 1024),
    default: null,
    defaultText: 'none, backups are not encrypted',
    text: 'Key file as `age-keygen` writes it. With recipients (`age1…`) alone, this machine can write backups and cannot read them.',
  }),
  BACKUP_IMAGES_DIR: setting({
    type: type.text(1, 1024),
    default: null,
    defaultText: 'none',
    text: 'Directory of `samserver images backup`. A backup of the database names the newest finished one in it: together they are one set.',
  }),
};

export const DATABASE_SETTINGS = {
  MONGODB_URL: setting({
    type: type.mongoUrl,
    default: null,
    defaultText: 'the embedded evaluation database in `DATA_DIR`',
    text: 'Connection string of MongoDB 6 or newer. It must name a database, and for a replica set all members, as in `mongodb://a,b,c/samserver?replicaSet=rs0`: the service then follows a new primary. The service sets write concern, read concern and read preference itself and ignores those of the URL.',
    isSecret: true,
    formerNames: [{ name: 'MONGODB_LIVE_URL', onlyWhenLive: true }],
  }),
  MONGODB_TIMEOUT_MS: setting({
    type: type.integer(100, 60_000),
    default: '5000',
    unit: 'ms',
    text: 'Time limit of a database operation, its repetition by the driver included. After it, the caller gets 503 and a time to retry.',
  }),
  DATA_DIR: setting({
    type: type.text(1, 1024),
    default: './data',
    text: 'Directory of the embedded database and of the secrets that are generated for it.',
  }),
  SCHEMA_ON_START: setting({
    type: type.oneOf('up', 'check'),
    default: 'check',
    embeddedDefault: 'up',
    text: '`up` runs the expand steps of the database schema at start. `check` only compares the schema with this release.',
  }),
};

export const REDIS_SETTINGS = {
  REDIS_URL: setting({
    type: type.redisUrl,
    default: null,
    defaultText: 'none: caches and limits are in memory, and one instance is the whole service',
    text: 'Address of Redis 6.2 or newer. Several instances need it to act as one service. Two deployments on one Redis need different database numbers or prefixes.',
    isSecret: true,
  }),
  REDIS_PREFIX: setting({
    type: type.text(1, 64),
    default: 'samserver',
    text: 'First part of every key in Redis; the same for all instances of a deployment.',
  }),
  LIVE_REDIS_HOST: setting({
    type: type.host,
    default: null,
    text: 'Name of the old server. Counts only with `ENVIRONMENT=LIVE` and without `REDIS_URL`.',
  }),
  LIVE_REDIS_PORT: setting({
    type: type.integer(1, 65_535),
    default: '6379',
    text: 'Name of the old server, used with `LIVE_REDIS_HOST`.',
  }),
  LIVE_REDIS_PASSWORD: setting({
    type: type.text(1, 512),
    default: null,
    text: 'Name of the old server, used with `LIVE_REDIS_HOST`.',
    isSecret: true,
  }),
};

export const ACCESS_SETTINGS = {
  JWT_SECRET: setting({
    type: type.secret(32),
    default: null,
    defaultText:
      'none, so it is required with `MONGODB_URL`; generated and kept in `DATA_DIR` on the embedded database',
    text: 'Key that signs access tokens. Every instance needs the same one.',
    isSecret: true,
  }),
  JWT_SECRET_PREVIOUS: setting({
    type: type.secret(32),
    default: null,
    text: 'Value of `JWT_SECRET` before the last change. Tokens signed with it stay valid until they expire.',
    isSecret: true,
  }),
  OPS_TOKEN: setting({
    type: type.secret(32),
    default: null,
    text: 'Bearer token of operators and tools, for the details of `/ready`, for `/metrics` and for `/api/v1/ops`.',
    isSecret: true,
  }),
  OPS_TOKEN_PREVIOUS: setting({
    type: type.secret(32),
    default: null,
    text: 'Second valid ops token, used while `OPS_TOKEN` is being replaced.',
    isSecret: true,
  }),
  ADMIN_EMAIL: setting({
    type: type.email,
    default: null,
    defaultText: 'none; generated and printed on the embedded database',
    text: 'E-mail address of the first admin. The service creates this admin when there is no user yet. Needs `ADMIN_PASSWORD`.',
  }),
  ADMIN_PASSWORD: setting({
    type: type.password,
    default: null,
    defaultText: 'none; generated and printed on the embedded database',
    text: 'Password of the first admin. Needs `ADMIN_EMAIL`.',
    isSecret: true,
  }),
  ACCESS_TOKEN_TTL_S: setting({
    type: type.integer(2, 86_400),
    default: '900',
    unit: 's',
    text: 'Lifetime of an access token. A socket gets `auth.expiring` one minute before the end.',
  }),
  LOGIN_FAILURES_PER_ACCOUNT: setting({
    type: type.integer(1, 1_000),
    default: '10',
    text: 'Failed log-ins from one IP address to one account within the window, on all instances with Redis; further ones get 429.',
  }),
  LOGIN_FAILURES_PER_IP: setting({
    type: type.integer(1, 100_000),
    default: '100',
    text: 'Failed log-ins from one IP address to all accounts within the window, on all instances with Redis; further ones get 429.',
  }),
  LOGIN_FAILURE_WINDOW_S: setting({
    type: type.integer(1, 86_400),
    default: '900',
    unit: 's',
    text: 'Length of the window in which failed log-ins count.',
  }),
  PASSWORD_HASHES_AT_ONCE: setting({
    type: type.integer(1, 64),
    default: '2',
    text: 'Number of passwords checked at the same time. Keep it below the number of libuv threads (`UV_THREADPOOL_SIZE`).',
  }),
};

export const OPERATION_SETTINGS = {
  TRUST_PROXY: setting({
    type: type.addresses,
    default: '',
    text: 'Exact addresses of the reverse proxies whose `X-Forwarded-For` is used.',
  }),
  CORS_ORIGINS: setting({
    type: type.origins,
    default: '',
    text: 'Origins of web pages of other hosts that may use the HTTP API and the sockets, as in `https://panel.example.org`.',
  }),
  METRICS_ALLOW_FROM: setting({
    type: type.addresses,
    default: '',
    text: 'Exact addresses that may read `/metrics` without the ops token.',
  }),
  TLS_CERT_PATH: setting({
    type: type.text(1, 1024),
    default: null,
    text: 'Certificate file (PEM) whose expiry is checked. Readiness is degraded in the last 14 days before it.',
  }),
  LOG_LEVEL: setting({
    type: type.oneOf(...LOG_LEVELS),
    default: 'info',
    text: 'Least severe level that is logged.',
  }),
  LOG_BUFFER_BYTES: setting({
    type: type.integer(16_000, 100_000_000),
    default: '4000000',
    unit: 'bytes',
    text: 'Maximum size of the log lines that wait for a stalled reader of stdout. Further lines are dropped and counted until the reader has taken half of them.',
  }),
  DRAIN_TIMEOUT_S: setting({
    type: type.integer(1, 600),
    default: '25',
    unit: 's',
    text: 'Time from SIGTERM to the end of the process, even when work is still open.',
  }),
  HTTP_LINGER_MS: setting({
    type: type.integer(0, 30_000),
    default: '2000',
    unit: 'ms',
    text: 'Time during a drain in which a kept-alive HTTP connection can send one more request. The answer to it closes the connection.',
  }),
  RELEASE_COLOR: setting({
    type: type.oneOf('blue', 'green'),
    default: null,
    text: 'Side of a blue-green pair that this instance belongs to.',
  }),
  RELEASE_REVISION: setting({
    type: type.revision,
    default: null,
    defaultText: 'the commit of the git clone that the service runs in',
    text: 'Git revision of this build.',
  }),
};

export const LIMIT_SETTINGS = {
  IN_FLIGHT_MAX_BYTES: setting({
    type: type.integer(4_000_000, 10_000_000_000),
    default: '32000000',
    unit: 'bytes',
    text: 'Maximum size of all request bodies and socket messages that are received and not complete yet. Above it, the oldest of a caller without a token is refused.',
  }),
  IN_FLIGHT_MAX_BYTES_PER_CALLER: setting({
    type: type.integer(2_000_000, 10_000_000_000),
    default: '4000000',
    unit: 'bytes',
    text: 'Share of one caller in `IN_FLIGHT_MAX_BYTES`: of one address without a token, or of one token.',
  }),
  JSON_BYTES_PER_S: setting({
    type: type.integer(1_000_000, 1_000_000_000),
    default: '4000000',
    unit: 'bytes',
    text: 'JSON that one caller can have parsed each second, on average: one address without a token, or one token. A burst can be four times as large. Bodies up to 2 kB do not count. Further ones get 429. With Redis it is one rate on all instances.',
  }),
  CONNECTIONS_PER_ADDRESS: setting({
    type: type.integer(10, 1_000_000),
    default: '1000',
    text: 'Maximum number of open connections of one client address to one port of one instance. Further ones are closed. The addresses in `TRUST_PROXY` have no limit.',
  }),
  HTTP_BODY_STALL_S: setting({
    type: type.integer(1, 3_600),
    default: '30',
    unit: 's',
    text: 'Longest time in which no byte of a request body arrives. Then the connection is closed (408). There is no limit of the whole time.',
  }),
  HTTP_BODY_MIN_BYTES_PER_S: setting({
    type: type.integer(0, 1_000_000),
    default: '500',
    unit: 'bytes/s',
    text: 'Lowest rate at which a request body may arrive, over 60 s. A slower connection is closed (408).',
  }),
  WRITE_STALL_TIMEOUT_S: setting({
    type: type.integer(1, 3_600),
    default: '30',
    unit: 's',
    text: 'Time after which an HTTP connection is closed when its client takes no byte of the answer.',
  }),
  UNSENT_MAX_BYTES: setting({
    type: type.integer(4_000_000, 10_000_000_000),
    default: '32000000',
    unit: 'bytes',
    text: 'Maximum size of all HTTP answers that wait in memory for clients that take none of their bytes. Above it, the client that has stalled longest is disconnected.',
  }),
  ...SOCKET_LIMIT_SETTINGS,
};

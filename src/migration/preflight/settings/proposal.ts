import { loadSettings, SETTING_GROUPS, SettingsError } from '../../../config/index.js';
import { type OldServer, oldValue } from '../old/old-server.js';

/** What the operator or another check decides. */
export interface ProposalFacts {
  /** Ports of Samserver. */
  readonly httpPort: number;
  readonly socketPort: number;
  /** HTTP port of the old server. */
  readonly oldHttpPort: number;
  readonly pictures: string | null;
  readonly timeZone: string;
  readonly adminEmail: string | null;
  /** Samserver runs on the host, not in a container. */
  readonly isOnHost: boolean;
  /** Makes a random secret. */
  readonly makeSecret: () => string;
}

export interface Proposal {
  /** Lines of `.env`; no secret. */
  readonly lines: ReadonlyMap<string, string>;
  /** Secrets by setting; each becomes a file. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Settings that the old server does not have, and what the proposal does about them. */
  readonly missing: ReadonlyMap<string, string>;
  /** Why the service would not start with it. */
  readonly faults: readonly string[];
}

const MIN_JWT_SECRET_BYTES = 32;
/** The directories of docs/without-docker.md and of docker/compose.yml. */
const HOST_SPOOL = '/srv/samserver/spool';
const CONTAINER_SPOOL = '/spool';
/** Address of the host in the network of docker/compose.yml. */
const COMPOSE_GATEWAY = '172.30.57.1';
/** Characters that an env file and a shell take literally. */
const PLAIN_VALUE = /^[\w./:@+,-]*$/;
const SECRET_NAMES = new Set(
  SETTING_GROUPS.flatMap(({ settings }) =>
    Object.entries(settings).flatMap(([name, { isSecret }]) => (isSecret ? [name] : [])),
  ),
);

/** The settings for Samserver beside the old server. */
export function proposeSettings({ sources }: Pick<OldServer, 'sources'>, facts: ProposalFacts): Proposal {
  const old = (name: string): string | undefined => oldValue(sources, name) || undefined;
  const values = new Map<string, string>();
  const missing = new Map<string, string>();
  const faults: string[] = [];

  const environment = old('ENVIRONMENT');
  if (environment?.toUpperCase() !== 'LIVE')
    faults.push(
      environment === undefined
        ? 'ENVIRONMENT: the old server has none; is this the live system?'
        : 'ENVIRONMENT: the old server does not run with LIVE; its live database does not count',
    );
  values.set('ENVIRONMENT', 'LIVE');
  values.set('NODE_ENV', 'production');
  values.set('RELEASE_COLOR', 'green');
  values.set('HTTP_PORT', String(facts.httpPort));
  values.set('SOCKET_SERVER_PORT', String(facts.socketPort));
  if (facts.isOnHost) {
    values.set('HTTP_HOST', '127.0.0.1');
    values.set('TRUST_PROXY', '127.0.0.1');
  }
  values.set('LEGACY_CLIENTS', 'on');
  // The role decides which server writes the shared collections and the picture volume: the old one until it is stopped.
  values.set('LEGACY_ROLES', 'old');
  values.set('LEGACY_COLLECTIONS', 'write');
  const spool = facts.isOnHost ? HOST_SPOOL : CONTAINER_SPOOL;
  values.set('LEGACY_SPOOL_DIR', spool);
  values.set('LEGACY_SHADOW_DIR', `${spool}/shadow-pictures`);
  const oldHost = facts.isOnHost ? '127.0.0.1' : COMPOSE_GATEWAY;
  values.set('LEGACY_TEE_URL', `http://${oldHost}:${facts.oldHttpPort}`);
  values.set('LEGACY_TIME_ZONE', facts.timeZone);
  if (facts.pictures === null)
    faults.push('IMAGE_DIR: the picture folder was not found; give --pictures DIR');
  else values.set('IMAGE_DIR', facts.pictures);

  const mongoUrl = old('MONGODB_URL') ?? old('MONGODB_LIVE_URL');
  if (mongoUrl === undefined)
    faults.push('MONGODB_URL: the old server has no MONGODB_LIVE_URL in what was read');
  else values.set('MONGODB_URL', mongoUrl);
  const redisUrl = old('REDIS_URL') ?? redisUrlOf(old);
  if (redisUrl === undefined)
    missing.set('REDIS_URL', 'the old server has none; several instances need Redis');
  else values.set('REDIS_URL', redisUrl);
  const mapKey = old('GOOGLE_MAP_KEY');
  if (mapKey !== undefined) values.set('GOOGLE_MAP_KEY', mapKey);

  const jwtSecret = old('JWT_SECRET');
  if (jwtSecret !== undefined && Buffer.byteLength(jwtSecret) >= MIN_JWT_SECRET_BYTES)
    values.set('JWT_SECRET', jwtSecret);
  else make('JWT_SECRET', `made: ${jwtSecret === undefined ? 'there is none' : 'the old one is too short'}`);
  make('OPS_TOKEN', 'made: the old server has none');
  make('LEGACY_MIRROR_SECRET', 'made; nginx gets the same: front-door apply --mirror-secret-file');
  if (facts.adminEmail === null)
    missing.set('ADMIN_EMAIL', 'give --admin-email; the first admin signs in with it');
  else {
    values.set('ADMIN_EMAIL', facts.adminEmail);
    make('ADMIN_PASSWORD', 'made; change it after the first login');
  }

  function make(name: string, text: string): void {
    values.set(name, facts.makeSecret());
    missing.set(name, text);
  }

  const lines = new Map([...values].filter(([name]) => !SECRET_NAMES.has(name)));
  for (const [name, value] of lines) {
    if (!PLAIN_VALUE.test(value))
      faults.push(`${name}: has characters that an env file does not take literally`);
  }
  const secrets = new Map([...values].filter(([name]) => SECRET_NAMES.has(name)));
  faults.push(...settingsFaults(values));
  return { lines, secrets, missing, faults };
}

/** With ENVIRONMENT=LIVE, reading the settings makes no file. */
function settingsFaults(values: ReadonlyMap<string, string>): readonly string[] {
  try {
    loadSettings(Object.fromEntries(values));
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.faults.filter((fault) => values.has('MONGODB_URL') || !fault.startsWith('MONGODB_URL'));
  }
}

function redisUrlOf(old: (name: string) => string | undefined): string | undefined {
  const host = old('LIVE_REDIS_HOST');
  if (host === undefined) return undefined;
  const password = old('LIVE_REDIS_PASSWORD');
  const login = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  return `redis://${login}${host}:${old('LIVE_REDIS_PORT') ?? '6379'}`;
}

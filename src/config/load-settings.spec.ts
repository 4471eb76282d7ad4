import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gitRevision, packageVersion } from './build-info.js';
import { loadSettings } from './load-settings.js';
import type { SettingDefinition } from './setting-definition.js';
import { SECRET_SETTINGS, SETTING_DEFINITIONS, UNUSED_SETTINGS } from './setting-definitions.js';
import { SettingsError } from './settings.js';

const secret = 'a secret of more than thirty-two bytes';
const real = { MONGODB_URL: 'mongodb://db:27017/samserver', JWT_SECRET: secret };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'samserver-settings-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
}

describe('loadSettings', () => {
  it('generates a secret and a login on the embedded database, and keeps them', () => {
    const { settings } = loadSettings({ DATA_DIR: dir });
    expect(settings).toMatchObject({
      mongo: { url: null },
      http: { host: '127.0.0.1', port: 5000 },
      socket: { port: 5050 },
    });
    expect(settings.auth.firstAdmin).toMatchObject({ isGenerated: true });
    expect(loadSettings({ DATA_DIR: dir }).settings.auth).toEqual(settings.auth);
    for (const file of ['jwt-secret', 'admin-login.json'])
      expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['ENVIRONMENT', 'LIVE'],
    ['ENVIRONMENT', 'live'],
    ['NODE_ENV', 'production'],
  ])('refuses the embedded database with %s=%s', (name, value) => {
    expect(faultsOf({ DATA_DIR: dir, [name]: value })).toEqual([
      expect.stringMatching(/^MONGODB_URL: needed/),
    ]);
  });

  it.each([
    ['ENVIRONMENT', 'PRODUCTION'],
    ['ENVIRONMENT', 'LIVE1'],
    ['NODE_ENV', 'Production'],
    ['NODE_ENV', 'prod'],
  ])('refuses %s=%s instead of starting the evaluation database', (name, value) => {
    expect(faultsOf({ DATA_DIR: dir, [name]: value })).toEqual([
      expect.stringMatching(`^${name}: must be one of `),
    ]);
  });

  it('names all faults and never a value that may be secret', () => {
    const faults = faultsOf({
      HTTP_PORT: '70000',
      SOCKET_SERVER_PORT: 'five',
      MONGODB_URL: 'mongodb://user:hunter2@db:27017',
      JWT_SECRET: 'hunter2',
      ADMIN_EMAIL: 'no-address',
      TRUST_PROXY: '10.0.0.1,10.0.0.0/8',
      CORS_ORIGINS: 'https://panel.example.org/',
      LOG_LEVEL: 'loud',
    });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'HTTP_PORT',
      'SOCKET_SERVER_PORT',
      'MONGODB_URL',
      'JWT_SECRET',
      'ADMIN_EMAIL',
      'TRUST_PROXY',
      'CORS_ORIGINS',
      'LOG_LEVEL',
    ]);
    expect(faults.join()).not.toContain('hunter2');
  });

  it('needs a signing secret with a real database', () => {
    expect(faultsOf({ MONGODB_URL: real.MONGODB_URL })).toEqual([
      expect.stringMatching(/^JWT_SECRET: needed/),
    ]);
  });

  it('needs both the address and the password of the first admin', () => {
    expect(faultsOf({ ...real, ADMIN_EMAIL: 'a@b' })).toEqual([expect.stringMatching(/^ADMIN_PASSWORD/)]);
    expect(faultsOf({ ...real, ADMIN_PASSWORD: 'long enough it is' })).toEqual([
      expect.stringMatching(/^ADMIN_EMAIL/),
    ]);
  });

  it('counts the bytes of the first admin’s password, as bcrypt does', () => {
    const admin = { ...real, ADMIN_EMAIL: 'a@b' };
    expect(faultsOf({ ...admin, ADMIN_PASSWORD: 'ü'.repeat(36) })).toEqual([]);
    expect(faultsOf({ ...admin, ADMIN_PASSWORD: 'ü'.repeat(37) })).toEqual([
      'ADMIN_PASSWORD: must be 12 to 72 bytes long',
    ]);
  });

  it('reads a setting from the file that NAME_FILE names', () => {
    const path = join(dir, 'secret');
    writeFileSync(path, `${secret}\n`);
    const env = { MONGODB_URL: real.MONGODB_URL, JWT_SECRET_FILE: path };
    expect(loadSettings(env).settings.auth.jwtSecret).toBe(secret);
    expect(faultsOf({ ...env, JWT_SECRET: secret })).toEqual([
      'JWT_SECRET: given twice, also as JWT_SECRET_FILE',
    ]);
    expect(faultsOf({ ...env, JWT_SECRET_FILE: join(dir, 'gone') })).toEqual([
      'JWT_SECRET_FILE: cannot be read (ENOENT)',
    ]);
  });

  it('refuses quotes, blanks and invisible characters, and never shows the value', () => {
    const faultOf = (value: string): string | undefined => faultsOf({ ...real, ENVIRONMENT: value })[0];
    expect(faultOf("'LIVE'")).toBe('ENVIRONMENT: is enclosed in quotes; write the value without them');
    for (const quoted of ['"LIVE"', '`LIVE`', '“LIVE”']) expect(faultOf(quoted)).toBe(faultOf("'LIVE'"));
    expect(faultOf('LIVE\r')).toMatch(/^ENVIRONMENT: contains a carriage return/);
    expect(faultOf('LIVE\n')).toBe('ENVIRONMENT: contains a line break');
    expect(faultOf('LI\tVE')).toBe('ENVIRONMENT: contains the control character U+0009');
    expect(faultOf('\uFEFFLIVE')).toMatch(/^ENVIRONMENT: starts with a byte order mark/);
    expect(faultOf('\uFFFDLIVE')).toBe('ENVIRONMENT: is not valid UTF-8');
    for (const blank of [' ', '\u00A0', '\u200B']) {
      expect(faultOf(`LIVE${blank}`)).toBe('ENVIRONMENT: ends with a blank or an invisible character');
      expect(faultOf(`${blank}LIVE`)).toBe('ENVIRONMENT: starts with a blank or an invisible character');
    }
    for (const wrong of [`"${secret}"`, `${secret} `, `${secret}\r`]) {
      const faults = faultsOf({ ...real, JWT_SECRET: wrong });
      expect(faults).toEqual([expect.stringMatching(/^JWT_SECRET: /)]);
      expect(faults.join()).not.toContain(secret);
    }
    expect(faultsOf({ ...real, JWT_SECRET: `${secret} with "quotes" and blanks'` })).toEqual([]);
  });

  it('refuses a secret file with another encoding or with other line ends', () => {
    const path = join(dir, 'secret');
    const faultOf = (content: string | Buffer): string | undefined => {
      writeFileSync(path, content);
      return faultsOf({ MONGODB_URL: real.MONGODB_URL, JWT_SECRET_FILE: path })[0];
    };
    const isUtf16 = 'JWT_SECRET_FILE: the file is UTF-16 or binary; save it as UTF-8';
    expect(faultOf(Buffer.from(`\uFEFF${secret}\n`, 'utf16le'))).toBe(isUtf16);
    expect(faultOf(Buffer.from(`\uFEFF${secret}\n`, 'utf16le').swap16())).toBe(isUtf16);
    expect(faultOf(Buffer.from(secret, 'utf16le'))).toBe(isUtf16);
    expect(faultOf(Buffer.from(`${secret}ü`, 'latin1'))).toBe('JWT_SECRET_FILE: the file is not valid UTF-8');
    expect(faultOf(`\uFEFF${secret}`)).toMatch(/^JWT_SECRET: starts with a byte order mark/);
    expect(faultOf(`${secret}\r\n`)).toMatch(/^JWT_SECRET: contains a carriage return/);
    expect(faultOf(`${secret}\n\n`)).toBe('JWT_SECRET: contains a line break');
    expect(faultOf(`"${secret}"\n`)).toMatch(/^JWT_SECRET: is enclosed in quotes/);
    expect(faultOf('')).toBe('JWT_SECRET_FILE: the file is empty');
    expect(faultOf(`${secret}\n`)).toBeUndefined();
  });

  it('names variables whose name is nearly that of a setting', () => {
    const noticesOf = (...names: string[]) =>
      loadSettings({ ...real, ...Object.fromEntries(names.map((name) => [name, 'x'])) }).notices;
    expect(noticesOf('MONGODB_URI', 'HTTP_PROT', 'mongo_url', 'JWT_SECRETS_FILE', 'REDIS_URI')).toEqual([
      'MONGODB_URI is set and not used: did you mean MONGODB_URL?',
      'HTTP_PROT is set and not used: did you mean HTTP_PORT?',
      'mongo_url is set and not used: did you mean MONGODB_URL?',
      'JWT_SECRETS_FILE is set and not used: did you mean JWT_SECRET_FILE?',
      'REDIS_URI is set and not used: did you mean REDIS_URL?',
    ]);
    expect(noticesOf('\uFEFFENVIRONMENT')).toEqual([expect.stringMatching(/did you mean ENVIRONMENT\?$/)]);
    // Variables of a machine, a shell, CI and npm.
    expect(
      noticesOf(
        'PATH',
        'HOME',
        'HTTP_PROXY',
        'NODE_PATH',
        'NODE_OPTIONS',
        'NPM_TOKEN',
        'API_TOKEN',
        'PORT',
        'TLS_CERT',
      ),
    ).toEqual([]);
    // The misspelt name is why another setting is missing.
    expect(() => loadSettings({ ENVIRONMENT: 'LIVE', MONGODB_URI: 'mongodb://db/x' })).toThrow(
      /MONGODB_URL: needed[^]*note: MONGODB_URI is set and not used/,
    );
  });

  it('reads the former name only when live, and gives a notice', () => {
    const old = { MONGODB_LIVE_URL: 'mongodb://old:27017/aoc', JWT_SECRET: secret };
    const live = loadSettings({ ...old, ENVIRONMENT: 'LIVE' });
    expect(live.settings.mongo.url).toBe(old.MONGODB_LIVE_URL);
    expect(live.notices).toEqual(['MONGODB_LIVE_URL is taken as MONGODB_URL']);

    const path = join(dir, 'environment');
    writeFileSync(path, 'live\n');
    const byFile = loadSettings({ ...old, ENVIRONMENT_FILE: path });
    expect([byFile.settings.mongo.url, byFile.notices]).toEqual([live.settings.mongo.url, live.notices]);
    expect(faultsOf({ ...old, ENVIRONMENT_FILE: join(dir, 'gone') })).toEqual([
      'ENVIRONMENT_FILE: cannot be read (ENOENT)',
    ]);

    const both = loadSettings({ ...old, ...real, ENVIRONMENT: 'LIVE' });
    expect(both.settings.mongo.url).toBe(real.MONGODB_URL);
    expect(both.notices).toEqual(['MONGODB_LIVE_URL is set and not used: MONGODB_URL wins']);

    const evaluation = loadSettings({ ...old, DATA_DIR: dir });
    expect(evaluation.settings.mongo.url).toBeNull();
    expect(evaluation.notices).toEqual([expect.stringMatching(/counts only with ENVIRONMENT=LIVE/)]);
  });

  it('gives a notice for a setting without effect', () => {
    const { notices } = loadSettings({ ...real, FCM_SERVER_KEY: 'k' });
    expect(notices).toEqual([expect.stringMatching(/^FCM_SERVER_KEY is set and not used: /)]);
  });

  it('takes the address of Redis, or with ENVIRONMENT=LIVE the names of the old server', () => {
    const redis = (env: Record<string, string>): unknown => {
      const { settings, notices } = loadSettings({ ...real, ...env });
      return [settings.redis.url, ...notices.filter((notice) => notice.includes('REDIS'))];
    };
    const old = { LIVE_REDIS_HOST: 'cache', LIVE_REDIS_PORT: '6380', LIVE_REDIS_PASSWORD: 'p/w' };
    expect(redis({})).toEqual([null]);
    expect(redis({ REDIS_URL: 'redis://a:b@c/1' })).toEqual(['redis://a:b@c/1']);
    expect(redis(old)).toEqual([null, expect.stringMatching(/counts only with ENVIRONMENT=LIVE/)]);
    expect(redis({ ...old, ENVIRONMENT: 'LIVE' })).toEqual([
      'redis://:p%2Fw@cache:6380',
      'LIVE_REDIS_HOST is taken as REDIS_URL',
    ]);
    expect(redis({ ...old, ENVIRONMENT: 'LIVE', REDIS_URL: 'redis://x' })).toEqual([
      'redis://x',
      expect.stringMatching(/REDIS_URL wins/),
    ]);
    for (const url of ['http://x', 'redis://', 'redis://x/name'])
      expect(faultsOf({ ...real, REDIS_URL: url })).toEqual([expect.stringMatching(/^REDIS_URL: /)]);
  });

  it('keeps positions forever unless a number of days is set', () => {
    expect(loadSettings(real).settings.retention.positionDays).toBeNull();
    expect(loadSettings({ ...real, POSITION_RETENTION_DAYS: '365' }).settings.retention.positionDays).toBe(
      365,
    );
    for (const days of ['0', '-1', 'never'])
      expect(faultsOf({ ...real, POSITION_RETENTION_DAYS: days })).toEqual([
        'POSITION_RETENTION_DAYS: must be a whole number from 1 to 36500',
      ]);
  });

  it('is frozen at every depth', () => {
    const { settings } = loadSettings(real);
    expect(() => Object.assign(settings.http, { port: 1 })).toThrow(TypeError);
  });
});

/** The values from before the table of settings existed. The table must give the same defaults. */
const DEFAULTS = {
  isLive: false,
  isProduction: false,
  http: {
    port: 5000,
    trustProxy: [],
    corsOrigins: [],
    bodyPace: { stallMs: 30_000, minBytesPerS: 500 },
  },
  socket: {
    port: 5050,
    limits: {
      packetsPerPayload: 1_000,
      eventsPerS: 200,
      eventBurst: 1_000,
      anonymousMessageBytes: 64_000,
      unsentAcks: 4_000,
      unsentBytes: 10_000_000,
      anonymousUnsentBytes: 1_000_000,
      totalUnsentBytes: 64_000_000,
      writeTimeoutMs: 120_000,
      unjoined: 4_000,
      unjoinedPerAddress: 2_000,
      perCaller: 200,
    },
  },
  mongo: { timeoutMs: 5_000 },
  redis: { url: null, prefix: 'samserver' },
  auth: {
    jwtSecretPrevious: null,
    opsTokens: [],
    accessTokenTtlS: 900,
    failuresPerAccount: 10,
    failuresPerIp: 100,
    failureWindowS: 900,
    hashesAtOnce: 2,
  },
  positions: {
    maxAheadS: 300,
    oldestMs: 946_684_800_000,
    rolloverDays: 7,
    maxBehindDays: 366,
    clockBehindS: 300,
    maxAccuracyM: 5_000,
    maxSpeedMps: 100,
    jumpsToRelease: 3,
  },
  limits: {
    inFlightBytes: 32_000_000,
    inFlightBytesPerCaller: 4_000_000,
    jsonBytesPerS: 4_000_000,
    connectionsPerAddress: 1_000,
    writeStallS: 30,
    unsentBytes: 32_000_000,
  },
  live: { replayLimit: 60_000, maxUnsentBytes: 4_000_000, maxUnsentMs: 20_000 },
  log: { level: 'info', bufferBytes: 4_000_000 },
  release: { color: null },
  tls: { certPath: null },
  metrics: { allowFrom: [] },
  backups: { directory: null, everyMs: 0, keep: 7, keyFile: null, imagesDirectory: null },
  images: {
    maxBytes: 15_000_000,
    maxPixels: 100_000_000,
    uploadsAtOnce: 200,
    vehicleQuotaBytes: 50_000_000_000,
    minFreePct: 5,
    decodeOneIn: 50,
    retentionDays: null,
    retentionAdopted: 'keep',
    whenFull: 'refuse',
    volumeMaxBytes: null,
    isExifKept: false,
    decoderMemoryMb: 384,
    isAccelerated: false,
    oldAddresses: 'public',
  },
  legacy: {
    isEnabled: true,
    rooms: ['tracking', 'vehicle', 'snap', 'crash', 'crash_notify'],
    maxPanels: 200,
    boxes: { postsPerSOfAddress: 200, positionsPerS: 4, picturePostsPerS: 6, picturePostsAtOnce: 64 },
    maxPanelsPerAddress: 50,
    mirror: { secret: null, isOn: true },
    shadowDirectory: resolve('data', 'legacy-shadow-pictures'),
    teeUrl: null,
    role: 'samserver',
    spool: { directory: resolve('data/legacy-spool'), maxBytes: 1_000_000_000, maxAgeMs: 86_400_000 },
    timeZone: new Intl.DateTimeFormat('en').resolvedOptions().timeZone,
  },
  sharedCollections: { isEnabled: false },
  crewEvents: {
    isEnabled: true,
    offlineAfterS: 60,
    speedLimitsKmh: [80, 120],
    nearArrivalMinutes: 10,
    nearArrivalStatuses: null,
    notifyMaxAgeS: 300,
    panel: {
      url: null,
      nearArrivalStatuses: ['COME_BACK_TO_BASE_HOSPITAL', 'ARRIVAL_AT_BASE_HOSPITAL'],
      timeoutMs: 5_000,
      giveUpAfterS: 3_600,
    },
  },
  google: { mapKey: null },
  drainTimeoutS: 25,
  httpLingerMs: 2_000,
  retention: { positionDays: null },
};

describe('the defaults', () => {
  it('on a real database', () => {
    const { settings } = loadSettings(real);
    expect(settings).toEqual({
      ...DEFAULTS,
      dataDir: resolve('data'),
      http: { ...DEFAULTS.http, host: '0.0.0.0' },
      mongo: { ...DEFAULTS.mongo, url: real.MONGODB_URL },
      auth: { ...DEFAULTS.auth, jwtSecret: secret, firstAdmin: null },
      release: { ...DEFAULTS.release, version: packageVersion(), revision: gitRevision() },
      schema: { onStart: 'check' },
      images: { ...DEFAULTS.images, directory: null },
    });
  });

  it('on the embedded database', () => {
    const { settings } = loadSettings({ DATA_DIR: dir });
    expect(settings).toEqual({
      ...DEFAULTS,
      dataDir: dir,
      http: { ...DEFAULTS.http, host: '127.0.0.1' },
      mongo: { ...DEFAULTS.mongo, url: null },
      auth: { ...DEFAULTS.auth, jwtSecret: expect.any(String), firstAdmin: expect.any(Object) },
      release: { ...DEFAULTS.release, version: packageVersion(), revision: gitRevision() },
      schema: { onStart: 'up' },
      images: { ...DEFAULTS.images, directory: join(dir, 'images') },
      legacy: {
        ...DEFAULTS.legacy,
        spool: { ...DEFAULTS.legacy.spool, directory: join(dir, 'legacy-spool') },
        shadowDirectory: join(dir, 'legacy-shadow-pictures'),
      },
    });
  });
});

describe('the table of settings', () => {
  const definitions: readonly (readonly [string, SettingDefinition])[] = Object.entries(SETTING_DEFINITIONS);

  it.each(definitions)('%s has defaults that its type accepts, and a text', (_name, definition) => {
    for (const text of [definition.default, definition.embeddedDefault ?? null])
      if (text !== null) expect(() => definition.type.parse(text)).not.toThrow();
    if (definition.default !== null) expect(definition.defaultText).toBeUndefined();
    expect(definition.text).toMatch(/\.$/);
  });

  it('refuses an unknown word for every setting that accepts only some', () => {
    const enumerations = definitions.filter(([, { type }]) => /^(a list of )?`/.test(type.accepts));
    expect(enumerations.length).toBeGreaterThan(10);
    for (const [name] of enumerations) {
      expect(faultsOf({ ...real, [name]: 'unknown' })).toEqual([
        expect.stringMatching(`^${name}: must be one of `),
      ]);
    }
  });

  it('names each setting once, used, unused or former', () => {
    const names = [
      ...definitions.flatMap(([name, { formerNames = [] }]) => [
        name,
        ...formerNames.map((each) => each.name),
      ]),
      ...Object.keys(UNUSED_SETTINGS),
    ];
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(SECRET_SETTINGS)('%s is secret: no fault shows its value', (name) => {
    for (const value of ['hunter2', `mongodb://root:hunter2@db`, 'hunter2'.repeat(100)])
      expect(faultsOf({ ...real, DATA_DIR: dir, [name]: value }).join()).not.toContain('hunter2');
  });

  it('marks every setting with the name of a secret as secret', () => {
    const named = definitions.map(([name]) => name).filter((name) => /SECRET|TOKEN|PASSWORD|KEY/.test(name));
    const values = named.filter((name) => !/_(TTL_S|EXIF|AT_ONCE)$/.test(name));
    expect(SECRET_SETTINGS).toEqual(expect.arrayContaining(values));
  });
});

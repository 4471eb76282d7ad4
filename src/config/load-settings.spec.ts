import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from './load-settings.js';
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
  it('starts on the embedded database with a secret and a login that it keeps for itself', () => {
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

  it('names every fault at once and never a value that may be secret', () => {
    const faults = faultsOf({
      HTTP_PORT: '70000',
      SOCKET_SERVER_PORT: 'five',
      MONGODB_URL: 'mongodb://user:hunter2@db:27017',
      JWT_SECRET: 'hunter2',
      ADMIN_EMAIL: 'nobody',
      TRUST_PROXY: '10.0.0.1,10.0.0.0/8',
      LOG_LEVEL: 'loud',
    });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'HTTP_PORT',
      'SOCKET_SERVER_PORT',
      'MONGODB_URL',
      'JWT_SECRET',
      'ADMIN_EMAIL',
      'TRUST_PROXY',
      'LOG_LEVEL',
    ]);
    expect(faults.join()).not.toContain('hunter2');
  });

  it('wants a signing secret of its own beside a real database', () => {
    expect(faultsOf({ MONGODB_URL: real.MONGODB_URL })).toEqual([
      expect.stringMatching(/^JWT_SECRET: needed/),
    ]);
  });

  it('wants both halves of the first admin', () => {
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

  it('understands the old name only when live, and says so', () => {
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

  it('names what is set and has no effect', () => {
    const { notices } = loadSettings({ ...real, REDIS_URL: 'redis://x', FCM_SERVER_KEY: 'k' });
    expect(notices).toEqual([
      expect.stringMatching(/^REDIS_URL is set and not used: /),
      expect.stringMatching(/^FCM_SERVER_KEY is set and not used: /),
    ]);
  });

  it('keeps positions for ever unless a number of days is set', () => {
    expect(loadSettings(real).settings.retention.positionDays).toBeNull();
    expect(loadSettings({ ...real, POSITION_RETENTION_DAYS: '365' }).settings.retention.positionDays).toBe(
      365,
    );
    for (const days of ['0', '-1', 'never'])
      expect(faultsOf({ ...real, POSITION_RETENTION_DAYS: days })).toEqual([
        'POSITION_RETENTION_DAYS: must be a whole number from 1 to 36500',
      ]);
  });

  it('is frozen to the bottom', () => {
    const { settings } = loadSettings(real);
    expect(() => Object.assign(settings.http, { port: 1 })).toThrow(TypeError);
  });
});

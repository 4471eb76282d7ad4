import { describe, expect, it } from '@jest/globals';
import { loadSettings } from '../../../config/index.js';
import type { SettingSource } from '../old/old-server.js';
import { proposeSettings, type ProposalFacts } from './proposal.js';
import { mapOldSettings } from './settings-plan.js';

const source = (kind: SettingSource['kind'], values: Record<string, string>): SettingSource => ({
  place: kind === 'process' ? 'PM2' : '/app/.env',
  kind,
  values: new Map(Object.entries(values)),
});
const FACTS: ProposalFacts = {
  httpPort: 5_200,
  socketPort: 5_250,
  oldHttpPort: 5_000,
  pictures: '/srv/pictures',
  timeZone: 'Asia/Bangkok',
  adminEmail: null,
  isOnHost: false,
  makeSecret: () => 'made-'.repeat(10),
};
const LIVE = { ENVIRONMENT: 'LIVE', MONGODB_LIVE_URL: 'mongodb://u:pass-word@a,b/aoc?replicaSet=rs0' };

describe('mapOldSettings', () => {
  it('names both sources when they differ; the process counts', () => {
    const { rows } = mapOldSettings(
      [source('process', { ENVIRONMENT: 'LIVE' }), source('file', { ENVIRONMENT: 'DEV' })],
      'x',
    );
    expect(rows).toEqual([
      expect.objectContaining({
        places: ['PM2', '/app/.env'],
        shown: 'LIVE',
        text: expect.stringMatching(/PM2 counts/),
      }),
    ]);
  });

  it('hides every value that it does not show whole', () => {
    const { hidden } = mapOldSettings(
      [source('file', { ...LIVE, X: 'unknown', NODE_ENV: 'production' })],
      'x',
    );
    expect([...hidden].sort()).toEqual([LIVE.MONGODB_LIVE_URL, 'unknown']);
  });

  it('leaves out the login shell of the process, but not that of a file', () => {
    const values = { HOME: '/root', SSH_AUTH_TOKEN: 'shell-secret' };
    const ofProcess = mapOldSettings([source('process', values)], 'x');
    expect(ofProcess).toMatchObject({ rows: [], shellVariables: 2, hidden: ['shell-secret'] });
    expect(mapOldSettings([source('file', values)], 'x').rows).toHaveLength(2);
  });
});

describe('proposeSettings', () => {
  it('takes over the database, and makes the secrets', () => {
    const { lines, secrets, faults, missing } = proposeSettings({ sources: [source('file', LIVE)] }, FACTS);
    expect(faults).toEqual([]);
    expect(secrets.get('MONGODB_URL')).toBe(LIVE.MONGODB_LIVE_URL);
    expect([...secrets.keys()].sort()).toEqual([
      ...['JWT_SECRET', 'LEGACY_MIRROR_SECRET', 'MONGODB_URL', 'OPS_TOKEN'],
    ]);
    expect(Object.fromEntries(lines)).toMatchObject({
      LEGACY_TIME_ZONE: 'Asia/Bangkok',
      IMAGE_DIR: '/srv/pictures',
      HTTP_PORT: '5200',
    });
    expect([...lines.values()].join()).not.toContain('pass-word');
    expect([...missing.keys()].sort()).toEqual([
      ...['ADMIN_EMAIL', 'JWT_SECRET', 'LEGACY_MIRROR_SECRET', 'OPS_TOKEN', 'REDIS_URL'],
    ]);
  });

  it.each([
    [true, '/srv/samserver/spool', 'http://127.0.0.1:5000'],
    [false, '/spool', 'http://172.30.57.1:5000'],
  ])(
    'leaves collections, pictures and notifications to the old server; on the host: %s',
    (isOnHost, spool, url) => {
      const { lines, secrets, faults } = proposeSettings(
        { sources: [source('file', LIVE)] },
        { ...FACTS, isOnHost },
      );
      expect(faults).toEqual([]);
      const { settings } = loadSettings(Object.fromEntries([...lines, ...secrets]));
      expect(settings.legacy).toMatchObject({
        role: 'old',
        shadowDirectory: `${spool}/shadow-pictures`,
        spool: { directory: spool },
      });
      expect(lines.get('LEGACY_TEE_URL')).toBe(url);
      // After a change of the role, and without a restart, it writes them itself.
      expect(settings.sharedCollections.isEnabled).toBe(true);
    },
  );

  it('keeps a JWT_SECRET that is long enough', () => {
    const JWT_SECRET = 'x'.repeat(32);
    const { secrets } = proposeSettings({ sources: [source('file', { ...LIVE, JWT_SECRET })] }, FACTS);
    expect(secrets.get('JWT_SECRET')).toBe(JWT_SECRET);
  });

  it.each<[string, Record<string, string>, Partial<ProposalFacts>, RegExp]>([
    [
      'a database address without a name',
      { ...LIVE, MONGODB_LIVE_URL: 'mongodb://a' },
      {},
      /MONGODB_URL: must name a database/,
    ],
    ['no database', { ENVIRONMENT: 'LIVE' }, {}, /MONGODB_URL: the old server has no/],
    ['another environment', { ...LIVE, ENVIRONMENT: 'DEV' }, {}, /ENVIRONMENT: .*not run with LIVE/],
    ['no pictures', LIVE, { pictures: null }, /IMAGE_DIR/],
    ['a folder that an env file changes', LIVE, { pictures: '/srv/a b#c' }, /IMAGE_DIR: has characters/],
    ['a wrong e-mail address', LIVE, { adminEmail: 'x' }, /ADMIN_EMAIL: must be/],
  ])('reports %s', (_, values, facts, fault) => {
    const { faults } = proposeSettings({ sources: [source('file', values)] }, { ...FACTS, ...facts });
    expect(faults).toEqual([expect.stringMatching(fault)]);
  });
});

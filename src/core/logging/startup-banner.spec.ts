import { beforeEach, describe, expect, it } from '@jest/globals';
import { loadSettings } from '../../config/index.js';
import { createPino } from './pino-logger.js';
import { announceReady } from './startup-banner.js';

const login = { email: 'admin@example.org', password: 'generated pass phrase', isGenerated: true };
let shown: string;
let logged: string[];
beforeEach(() => {
  shown = '';
  logged = [];
});

function announce(env: Record<string, string>, isTerminal: boolean): void {
  const { settings } = loadSettings({ JWT_SECRET: 'x'.repeat(32), DATA_DIR: 'data', ...env });
  const ready = {
    settings,
    httpPort: 5000,
    socketPort: 5050,
    login: settings.mongo.url === null ? login : null,
  };
  const terminal = isTerminal ? { write: (text: string) => (shown += text) } : null;
  const to = { write: (line: string) => void logged.push(line) };
  announceReady(ready, terminal, createPino('info', { isTerminal: false, release: null, to }));
}

describe('a service that is ready', () => {
  it('shows the banner with the login at a terminal, on the evaluation database', () => {
    announce({}, true);
    for (const text of [':5000', ':5050', login.password, 'npm run replay']) expect(shown).toContain(text);
    expect(logged).toEqual([]);
  });

  it.each([
    ['the evaluation database', {}, `${login.email} ${login.password}`],
    ['a real database', { MONGODB_URL: 'mongodb://127.0.0.1/x' }, undefined],
    ['the live database', { MONGODB_URL: 'mongodb://127.0.0.1/x', ENVIRONMENT: 'LIVE' }, undefined],
  ])('writes one JSON line and no banner without a terminal, on %s', (_what, env, adminLogin) => {
    announce(env, false);
    expect(shown).toBe('');
    expect(logged.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { httpPort: 5000, socketPort: 5050, msg: expect.stringContaining('is ready') },
    ]);
    expect(JSON.parse(logged[0] ?? '')['adminLogin']).toBe(adminLogin);
  });

  it('shows no banner at a terminal on another database', () => {
    announce({ MONGODB_URL: 'mongodb://127.0.0.1/x' }, true);
    expect(shown).toBe('');
    expect(logged).toHaveLength(1);
  });
});

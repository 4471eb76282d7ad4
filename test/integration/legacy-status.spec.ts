import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCommandLine } from '../../src/core/commands/index.js';
import type { LegacyClient } from '../../src/legacy/status/legacy-client.schema.js';
import { LegacyClientsRepository } from '../../src/legacy/status/legacy-clients.repository.js';
import { LegacyClientTracker } from '../../src/legacy/status/legacy-client-tracker.js';
import { recordedAddresses } from '../../src/migration/front-door/recorded-boxes.js';
import { legacyCommand } from '../../src/migration/index.js';
import { adminToken, call } from '../support/http.js';
import { newBox, postJson, postRaw, TRACKING } from '../support/old-boxes.js';
import { OldPanel } from '../support/old-panel.js';
import { JWT_SECRET, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let token: string;
beforeAll(async () => {
  service = await startTestService({ TRUST_PROXY: '127.0.0.1' });
  token = await adminToken(service);
});
afterAll(async () => {
  await service.stop();
});

const clientTracker = (): LegacyClientTracker => service.service.app.get(LegacyClientTracker);
const clients = async (): Promise<LegacyClient[]> => {
  await clientTracker().flush();
  return (await call(service, 'GET', '/api/v1/legacy/clients', { token })).body.items;
};
async function run(...argv: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const to = (name: 'out' | 'err') => ({ write: (text: string) => ((written[name] += text), true) });
  const exitCode = await runCommandLine(
    ['legacy', ...argv],
    {
      env: { MONGODB_URL: service.database.url, JWT_SECRET },
      stdout: to('out'),
      stderr: to('err'),
      signal: new AbortController().signal,
    },
    [{ name: 'legacy', summary: '', load: () => Promise.resolve(legacyCommand) }],
  );
  return { exitCode, ...written };
}

describe('old clients in use', () => {
  it('are stored with transport and dialect: box, panel, and unknown box', async () => {
    const { boxCode } = await newBox(service);
    await postJson(service, TRACKING, { ambulance_id: boxCode });
    await postRaw(service, TRACKING, new URLSearchParams({ ambulance_id: boxCode }), {
      port: 'socket',
      headers: { 'x-forwarded-for': '198.51.100.7' },
    });
    await postJson(service, TRACKING, { ambulance_id: 'stranger' });
    const panel = await OldPanel.open(service.socketUrl, 'socket.io-client 3', 'polling');
    panel.close();
    const found = await clients();
    expect(found).toHaveLength(3);
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          kind: 'box',
          name: boxCode,
          way: 'socket_port',
          dialect: 'urlencoded',
          lastAddress: '198.51.100.7',
          count: 2,
        }),
        expect.objectContaining({
          kind: 'unknown_box',
          name: 'stranger',
          way: 'http',
          dialect: 'json',
          lastAddress: '127.0.0.1',
          count: 1,
        }),
        expect.objectContaining({ kind: 'panel', name: '127.0.0.1', way: 'polling', count: 1 }),
      ]),
    );

    await postJson(service, TRACKING, { ambulance_id: boxCode });
    const again = (await clients()).find(({ name }) => name === boxCode);
    expect(again).toMatchObject({ way: 'http', dialect: 'json', count: 3 });
    const before = found.find(({ name }) => name === boxCode);
    expect(again?.firstSeenAt).toBe(before?.firstSeenAt);
  });

  it('are limited in memory and in storage', async () => {
    const record = (n: number): void =>
      clientTracker().record({
        kind: 'unknown_box',
        name: `made up ${n}`,
        way: 'http',
        dialect: 'none',
        lastAddress: null,
      });
    for (let n = 0; n < 2_000; n += 1) record(n);
    await clientTracker().flush();
    const repository = service.service.app.get(LegacyClientsRepository);
    expect((await repository.list()).length).toBeLessThanOrEqual(510);
    // The job does it once an hour.
    await clientTracker().prune();
    const kept = await repository.list();
    expect(kept.filter(({ kind }) => kind === 'unknown_box')).toHaveLength(200);
    expect(kept.some(({ kind }) => kind === 'box')).toBe(true);
  });
});

describe('samserver legacy status', () => {
  it('prints them as a table, and as JSON', async () => {
    const { exitCode, out, err } = await run('status');
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/^boxes: 1\n {2}B-\d+-\d+ {2}http, json {2}from 127\.0\.0\.1 {2}last /);
    expect(out).toMatch(/\nthe old interfaces are still needed\n$/);
    const json = JSON.parse((await run('status', '--json', '--days', '1')).out) as Record<string, unknown[]>;
    expect(json).toMatchObject({ days: 1, silent: [] });
    expect(json['active']?.length).toBeGreaterThan(3);
  });

  it.each([[[]], [['all']], [['status', 'more']], [['status', '--days', '0']], [['status', '--nothing']]])(
    'ends with exit code 64 on wrong usage: %j',
    async (argv) => {
      const { exitCode, out, err } = await run(...argv);
      expect([exitCode, out]).toEqual([64, '']);
      expect(err).toContain('--help');
    },
  );

  it('prints its help', async () => {
    expect(await run('--help')).toMatchObject({ exitCode: 0, out: expect.stringContaining('--days <n>') });
  });
});

describe('samserver front-door apply --boxes', () => {
  it('takes the address of the last post of a box from the database', async () => {
    const { boxCode } = await newBox(service);
    await postRaw(service, TRACKING, new URLSearchParams({ ambulance_id: boxCode }), {
      headers: { 'x-forwarded-for': '203.0.113.9' },
    });
    await clientTracker().flush();
    const sink = { write: () => true };
    const io = {
      env: { MONGODB_URL: service.database.url, JWT_SECRET },
      ...{ stdout: sink, stderr: sink, signal: new AbortController().signal },
    };
    expect((await recordedAddresses(io, [boxCode])).addresses).toEqual(['203.0.113.9']);
  });
});

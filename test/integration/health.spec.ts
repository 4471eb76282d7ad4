import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getConnectionToken } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { Clock } from '../../src/core/index.js';
import { DeploymentIdRepository } from '../../src/database/index.js';
import { type ServedMongo, serveEmbeddedMongo } from '../../src/embedded-mongo/index.js';
import { EventLoopHealth } from '../../src/health/checks/event-loop.health.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { adminToken, type Answer, call, newVehicle } from '../support/http.js';
import { logIn, newUser } from '../support/test-users.js';
import { ask as askSocket, connectSocket, until } from '../support/sockets.js';
import { type StallingProxy, stallingProxy } from '../support/stalling-proxy.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

const SECRET_ISH = /mongodb:\/\/|test secret|correct horse|Bearer|at \w+ \(/;

limitJobIntervals(200);

/** Far above what an answer takes that does not wait for the database, and far above the time limit of a check. */
const MONGODB_TIMEOUT_MS = 20_000;

let directory: string;
let database: ServedMongo;
let proxy: StallingProxy;
let service: TestService;
let admin: string;
let viewer: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'samserver-health-'));
  await startDatabase(0);
  proxy = await stallingProxy(database.port);
  const url = `mongodb://127.0.0.1:${proxy.port}/samserver_test_health?retryWrites=false`;
  const shared = { url, isEmbedded: true, stats: null, stop: () => Promise.resolve() };
  service = await startTestService(
    {
      OPS_TOKEN,
      MONGODB_TIMEOUT_MS: String(MONGODB_TIMEOUT_MS),
      RELEASE_COLOR: 'green',
      RELEASE_REVISION: 'abcdef0123',
    },
    shared,
  );
  admin = await adminToken(service);
  viewer = (await logIn(service, await newUser(service, admin, 'viewer'))).accessToken;
});
afterAll(async () => {
  proxy.resume();
  await service.stop();
  await proxy.close();
  await database.stop();
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  // A slow machine holds up the event loop by itself.
  const check = service.service.app.get<{ measure: () => Promise<object> }>(EventLoopHealth);
  jest.spyOn(check, 'measure').mockResolvedValue({});
});
afterEach(() => {
  jest.restoreAllMocks();
});

async function startDatabase(port: number): Promise<void> {
  database = await serveEmbeddedMongo({ directory, port, noSync: true });
}

interface Probe extends Answer {
  readonly ms: number;
}

async function ask(path: string, token?: string, method = 'GET'): Promise<Probe> {
  const beganMs = performance.now();
  const answer = await call(service, method, path, token === undefined ? {} : { token });
  return { ...answer, ms: performance.now() - beganMs };
}
const ready = (token?: string): Promise<Probe> => ask('/ready', token);

/** The heartbeat of an instance that another test stopped can be a second reason for a moment. */
const untilReason = (reason: string): Promise<Probe> =>
  untilReady(({ body }) => body.reasons.includes(reason), reason);
const untilState = (state: string): Promise<Probe> => untilReady(({ body }) => body.state === state, state);

/** Waits for `/ready`. Every answer on the way must be 200 or 503, and must have the three public fields only. */
async function untilReady(isExpected: (probe: Probe) => boolean, what: string): Promise<Probe> {
  let last: Probe | undefined;
  await until(async () => {
    last = await ready();
    expect([200, 503]).toContain(last.status);
    expect(Object.keys(last.body as object).sort()).toEqual(['reasons', 'state', 'status']);
    return isExpected(last);
  }, what);
  if (!last) throw new Error('never asked');
  return last;
}

describe('an instance without issues', () => {
  it('is alive and ready by GET and HEAD, and its probes are not cached', async () => {
    for (const method of ['GET', 'HEAD']) {
      for (const path of ['/health', '/health?boot=1', '/ready']) {
        const { status, headers } = await ask(path, undefined, method);
        expect([method, path, status]).toEqual([method, path, 200]);
        expect(headers.get('cache-control')).toBe('no-store');
        expect(headers.get('x-release')).toMatch(/^\d+\.\d+\.\d+\+abcdef0; color=green$/);
      }
    }
    expect((await ask('/health')).body).toMatchObject({
      status: 'ok',
      state: 'ready',
      uptimeS: expect.any(Number),
      release: { version: expect.any(String), color: 'green', revision: 'abcdef0123' },
    });
    expect((await ready()).body).toEqual({ status: 'ready', state: 'ready', reasons: [] });
  });

  it('shows details to the ops token and to admins only', async () => {
    for (const token of [OPS_TOKEN, admin]) {
      // A probe waits 25 ms for the session of an admin; the next one finds it in memory.
      await until(async () => 'checks' in (await ready(token)).body, 'the details');
      const { body } = await ready(token);
      expect(body).toMatchObject({
        status: 'ready',
        state: 'ready',
        since: expect.any(String),
        reasons: [],
        release: { version: expect.any(String), color: 'green', rollout: null },
        drain: { active: false, http: expect.any(Number), sockets: 0, deadline: null },
        tls: { daysLeft: null },
        checks: {
          mongo: { status: 'up', critical: true, latencyMs: expect.any(Number) },
          eventLoop: { status: 'up', critical: false },
          memory: { status: 'up', detail: { rssBytes: expect.any(Number) } },
          certificate: { status: 'up' },
        },
      });
      expect(JSON.stringify(body)).not.toMatch(SECRET_ISH);
    }
    for (const token of [viewer, 'x'.repeat(40), `${OPS_TOKEN}x`]) {
      expect(Object.keys((await ready(token)).body as object)).toEqual(['status', 'state', 'reasons']);
    }
  });
});

describe('a database that does not answer', () => {
  it('is reported after three failures, never slows a probe, and ends after two successes', async () => {
    proxy.stall();
    const refusal = await untilState('not_ready');
    expect(refusal).toMatchObject({ status: 503, body: { status: 'not_ready', reasons: ['mongo.down'] } });
    expect(refusal.headers.get('retry-after')).toBe('2');
    expect(await ask('/health')).toMatchObject({ status: 200, body: { status: 'ok', state: 'not_ready' } });
    expect((await ask('/health?boot=1')).status).toBe(200);

    // An admin's token does not delay the answer, although the database cannot verify it.
    const answers = await Promise.all([ready(), ready(OPS_TOKEN), ready(admin)]);
    for (const { ms, body } of answers) {
      expect(ms).toBeLessThan(MONGODB_TIMEOUT_MS / 2);
      expect(body.state).toBe('not_ready');
    }
    expect(answers[1].body.checks.mongo).toMatchObject({ status: 'down', reasons: ['mongo.down'] });
    expect(JSON.stringify(answers[1].body)).not.toMatch(SECRET_ISH);
    const handshake = await fetch(`${service.socketUrl}/socket.io/?EIO=4&transport=polling`);
    expect(handshake.status).toBe(503);

    proxy.resume();
    expect((await untilState('ready')).status).toBe(200);
  });
});

describe('a database that is stopped and started again', () => {
  it('changes readiness both ways and never changes liveness', async () => {
    const { port } = database;
    await database.stop();
    expect((await untilState('not_ready')).body.reasons).toEqual(['mongo.down']);
    expect((await ask('/health')).status).toBe(200);
    await startDatabase(port);
    await untilState('ready');
  });
});

describe('a schema', () => {
  const setVersion = async (version: number): Promise<void> => {
    const connection = service.service.app.get<Connection>(getConnectionToken());
    const states = connection.db?.collection<{ _id: string }>('schema_state');
    await states?.updateOne({ _id: 'schema' }, { $set: { version } });
  };

  it('that becomes too new blocks, and positions are still stored', async () => {
    const { deviceToken } = await newVehicle(service, admin);
    const known = (await ready(OPS_TOKEN)).body.schema;
    expect(known).toMatchObject({
      supported: { min: expect.any(Number) },
      pending: 0,
      lock: { held: false },
    });
    await setVersion(known.supported.max + 1);
    const blocked = await untilState('blocked');
    expect(blocked).toMatchObject({ status: 503, body: { reasons: ['schema.too_new'] } });
    expect((await ask('/health')).body).toMatchObject({ status: 'ok', state: 'blocked' });

    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    const time = new Date(Date.now() - 60_000).toISOString();
    expect(await askSocket(device, 'position', { lat: 48, lon: 11, time })).toMatchObject({ stored: 1 });
    device.close();
    await setVersion(known.current as number);
    await untilState('ready');
  });
});

describe('a database without the mark of samserver init', () => {
  it('blocks with ENVIRONMENT=LIVE until samserver init marks it', async () => {
    const live = await service.another({ ENVIRONMENT: 'LIVE' });
    expect(await call(live, 'GET', '/ready')).toMatchObject({
      status: 503,
      body: { state: 'blocked', reasons: ['deployment.unmarked', 'live.not_shared'] },
    });
    expect((await call(live, 'GET', '/health')).status).toBe(200);
    expect((await call(live, 'GET', '/health?boot=1')).status).toBe(503);
    await new DeploymentIdRepository(live.service.app.get<Connection>(getConnectionToken())).keep('an id');
    await until(async () => (await call(live, 'GET', '/ready')).status === 200, 'ready');
    expect((await call(live, 'GET', '/health?boot=1')).status).toBe(200);
    await live.stop();
    // Two instances without Redis share nothing.
    await untilState('ready');
  });
});

describe('a clock', () => {
  it('that differs from the clock of the database degrades', async () => {
    const clock = service.service.app.get(Clock);
    jest.spyOn(clock, 'nowMs').mockImplementation(() => Date.now() + 10_000);
    expect(await untilReason('clock.skewed')).toMatchObject({ status: 200, body: { state: 'degraded' } });
    jest.spyOn(clock, 'nowMs').mockRestore();
    await untilState('ready');
  });

  it('is suspect when most vehicles report times in the future', async () => {
    const time = new Date(Date.now() + 3_600_000).toISOString();
    for (let n = 0; n < 3; n += 1) {
      const { deviceToken } = await newVehicle(service, admin);
      const answer = await call(service, 'POST', '/api/v1/positions', {
        token: deviceToken,
        body: { positions: [{ lat: 48, lon: 11 + n, time }] },
      });
      expect(answer.body).toMatchObject({ quarantined: 1 });
    }
    expect((await untilReason('clock.suspect')).body.state).toBe('degraded');
  });
});

describe('an event loop that is blocked repeatedly', () => {
  it('degrades, and the instance stays ready', async () => {
    jest.restoreAllMocks();
    let isBusy = true;
    const busy = (async () => {
      while (isBusy) {
        const endMs = performance.now() + 300;
        while (performance.now() < endMs);
        await sleep(20);
      }
    })();
    try {
      await until(
        async () => ((await ready()).body.reasons as string[]).includes('event_loop.slow'),
        'event_loop.slow',
      );
      expect(await ready()).toMatchObject({ status: 200, body: { status: 'ready', state: 'degraded' } });
    } finally {
      isBusy = false;
      await busy;
    }
  });
});

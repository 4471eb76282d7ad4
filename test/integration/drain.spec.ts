import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { type Instance, OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let admin: string;
let deviceToken: string;
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN });
  admin = await adminToken(service);
  ({ deviceToken } = await newVehicle(service, admin));
});
afterAll(() => service.stop());

const open: Socket[] = [];
afterEach(() => open.splice(0).forEach((socket) => socket.close()));

const ops = (method: string, path: string, body: unknown = {}, instance: Instance = service) =>
  call(instance, method, `/api/v1/ops/${path}`, { token: OPS_TOKEN, body });

async function devices(count: number, instance: Instance = service) {
  const ends: string[] = [];
  const notices: unknown[] = [];
  const sockets = await Promise.all(
    Array.from({ length: count }, () => connectSocket(instance.socketUrl, '/devices', deviceToken)),
  );
  for (const socket of sockets) {
    open.push(socket);
    socket.on('drain', (notice) => notices.push(notice));
    socket.on('disconnect', (reason) => ends.push(reason));
  }
  return { sockets, ends, notices };
}

describe('a handover', () => {
  it('closes the sockets of its start one by one, and none that came later', async () => {
    const { ends, notices } = await devices(20);
    const begun = await ops('POST', 'handover', { withinS: 2 });
    expect(begun).toMatchObject({ status: 202, body: { state: 'ready', isHandingOver: true, sockets: 20 } });
    const late = await devices(5);
    await until(() => ends.length > 0);
    expect(ends.length).toBeLessThan(20);
    await until(() => ends.length === 20, 'all sockets to close');
    expect(new Set(ends)).toEqual(new Set(['transport close']));
    expect(notices).toHaveLength(20);
    expect(notices[0]).toEqual({ reconnectWithinMs: expect.any(Number) });
    expect(late.ends).toEqual([]);
    expect(await call(service, 'GET', '/ready')).toMatchObject({ status: 200, body: { state: 'ready' } });
  });

  it('can be undone, and then closes no further socket', async () => {
    const { ends, sockets } = await devices(20);
    await ops('POST', 'handover', { withinS: 20 });
    await until(() => ends.length > 0, 'the first socket to close');
    const undone = await ops('DELETE', 'handover');
    expect(undone).toMatchObject({ status: 200, body: { isHandingOver: false } });
    const closed = ends.length;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(ends.length).toBeLessThanOrEqual(closed + 1);
    const time = new Date(Date.now() - 60_000).toISOString();
    const staying = sockets.find((socket) => socket.connected);
    if (!staying) throw new Error('no socket is open');
    expect(await ask(staying, 'position', { lat: 48, lon: 11, time })).toMatchObject({ stored: 1 });
  });

  it.each([{ withinS: 0 }, { withinS: 3_601 }, { withinS: '5' }, { within: 5 }])(
    'rejects the body %j',
    async (body) => {
      expect(await ops('POST', 'handover', body)).toMatchObject({
        status: 400,
        body: { code: 'input/invalid' },
      });
      expect((await ops('POST', 'drain', body)).status).toBe(400);
    },
  );
});

describe('a drain by command', () => {
  it('notifies and closes all sockets, refuses new handshakes, and leaves the process alive', async () => {
    const instance = await service.another();
    const { ends, notices } = await devices(10, instance);
    const answer = await ops('POST', 'drain', {}, instance);
    expect(answer).toMatchObject({
      status: 202,
      body: { state: 'draining', deadline: expect.any(String), isHandingOver: false },
    });
    const ready = await call(instance, 'GET', '/ready');
    // A kept-alive connection would send its next request to this instance.
    expect(ready.headers.get('connection')).toBe('close');
    expect(ready).toMatchObject({
      status: 503,
      body: { status: 'not_ready', state: 'draining', reasons: ['draining', 'live.not_shared'] },
    });
    await until(() => ends.length === 10);
    expect(new Set(ends)).toEqual(new Set(['transport close']));
    expect(notices).toHaveLength(10);
    const handshake = await fetch(`${instance.socketUrl}/socket.io/?EIO=4&transport=polling`);
    expect([handshake.status, handshake.headers.get('retry-after')]).toEqual([503, '2']);

    // A position that still arrives is stored: no state refuses a position that can be stored.
    const time = new Date(Date.now() - 30_000).toISOString();
    const report = { token: deviceToken, body: { positions: [{ lat: 48, lon: 11, time }] } };
    expect((await call(instance, 'POST', '/api/v1/positions', report)).body).toMatchObject({ stored: 1 });
    expect(await call(instance, 'GET', '/health')).toMatchObject({
      status: 200,
      body: { status: 'ok', state: 'draining' },
    });
    expect(await ops('POST', 'handover', {}, instance)).toMatchObject({
      status: 409,
      body: { code: 'ops/draining' },
    });
    await instance.stop();
  });

  it('is in the audit log, like every action of an operator', async () => {
    const { body } = await call(service, 'GET', '/api/v1/audit?limit=500', { token: admin });
    const acts = (body.items as { action: string; actor: { kind: string }; target: { kind: string } }[])
      .filter(({ action }) => action.startsWith('ops.'))
      .map(({ action, actor, target }) => [action, actor.kind, target.kind]);
    for (const action of ['ops.drained', 'ops.handover-begun', 'ops.handover-undone']) {
      expect(acts).toContainEqual([action, 'operator', 'instance']);
    }
  });
});

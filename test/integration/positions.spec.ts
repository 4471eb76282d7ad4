import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let token: string;
beforeAll(async () => {
  service = await startTestService();
  token = await adminToken(service);
});
afterAll(() => service.stop());

const open: Socket[] = [];
afterAll(() => open.forEach((socket) => socket.close()));

async function connect(namespace: string, as?: string): Promise<Socket> {
  const socket = await connectSocket(service.socketUrl, namespace, as);
  open.push(socket);
  return socket;
}

const startMs = Date.parse('2026-11-01T10:00:00.000Z');
const fix = (second: number, change: Record<string, unknown> = {}) => ({
  lat: 48.1 + second * 1e-4,
  lon: 11.5,
  time: new Date(startMs + second * 1_000).toISOString(),
  ...change,
});

describe('/devices', () => {
  it('stores a position and acknowledges it when it is durable', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const device = await connect('/devices', deviceToken);
    expect(
      await ask(device, 'position', fix(0, { speedMps: 12.5, headingDeg: 90, attributes: { siren: true } })),
    ).toEqual({
      results: [{ index: 0, verdict: 'stored' }],
      stored: 1,
      duplicate: 0,
      quarantined: 0,
      rejected: 0,
    });
    const { body } = await call(service, 'GET', `/api/v1/vehicles/${vehicleId}`, { token });
    expect(body.lastPosition).toEqual({
      ...fix(0, { speedMps: 12.5, headingDeg: 90, attributes: { siren: true } }),
      receivedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it('validates a batch in time order, answers in index order, and lets no item fail another', async () => {
    const { deviceToken } = await newVehicle(service, token);
    const device = await connect('/devices', deviceToken);
    const answer = await ask(device, 'positions', [
      fix(2),
      fix(1),
      { lat: 91, lon: 0, time: fix(0).time },
      fix(1),
      fix(1, { lat: 50 }),
      fix(3, { batteryPct: 400 }),
      'noise',
    ]);
    const text = expect.stringMatching(/^\S.{10,}\.$/);
    expect(answer.results).toEqual([
      { index: 0, verdict: 'stored' },
      { index: 1, verdict: 'stored' },
      { index: 2, verdict: 'rejected', code: 'invalid_lat', text },
      { index: 3, verdict: 'duplicate', text },
      { index: 4, verdict: 'quarantined', code: 'time_conflict', text },
      { index: 5, verdict: 'stored', dropped: ['batteryPct'] },
      { index: 6, verdict: 'rejected', code: 'invalid_position', text },
    ]);
    expect(answer).toMatchObject({ stored: 3, duplicate: 1, quarantined: 1, rejected: 2 });
  });

  it('accepts the form of the HTTP body too', async () => {
    const { deviceToken } = await newVehicle(service, token);
    const device = await connect('/devices', deviceToken);
    expect(await ask(device, 'positions', { positions: [fix(0), fix(1)] })).toMatchObject({ stored: 2 });
  });

  it('answers duplicate or the same verdict to a batch that is sent again', async () => {
    const { deviceToken } = await newVehicle(service, token);
    const device = await connect('/devices', deviceToken);
    const batch = [fix(0), fix(1), fix(1, { lon: 12 })];
    await ask(device, 'positions', batch);
    expect(await ask(device, 'positions', batch)).toMatchObject({ stored: 0, duplicate: 2, quarantined: 1 });
  });

  it('marks a position that is older than the newest known one as late', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const device = await connect('/devices', deviceToken);
    await ask(device, 'position', fix(10));
    expect(await ask(device, 'position', fix(5))).toMatchObject({
      results: [{ verdict: 'stored', late: true }],
    });
    const { body } = await call(service, 'GET', `/api/v1/vehicles/${vehicleId}`, { token });
    expect(body.lastPosition.time).toBe(fix(10).time);
  });

  it.each([
    ['nothing', undefined],
    ['an empty batch', []],
    ['501', Array.from({ length: 501 }, (_, n) => fix(n))],
    ['a text', 'positions'],
    ['no list', { positions: 'x' }],
  ])('refuses %s as a batch and names the limit', async (_what, payload) => {
    const { deviceToken } = await newVehicle(service, token);
    const device = await connect('/devices', deviceToken);
    expect(await ask(device, 'positions', payload)).toMatchObject({
      error: {
        code: 'input/invalid',
        message: expect.stringContaining('500'),
        errors: [{ path: 'positions' }],
      },
    });
  });

  it('keeps answering when an event has no acknowledgement or several arguments', async () => {
    const { deviceToken } = await newVehicle(service, token);
    const device = await connect('/devices', deviceToken);
    device.emit('position', fix(0));
    device.emit('position');
    device.emit('position', fix(1), fix(2));
    device.emit('unheard-of', fix(3));
    expect(await ask(device, 'position', fix(4))).toMatchObject({ stored: 1 });
    expect(await ask(device, 'position', fix(0))).toMatchObject({ duplicate: 1 });
  });

  it.each([
    ['no token', undefined, 'auth/token-missing'],
    ['an unknown token', `66f0c0ffee0123456789abcd.${'A'.repeat(43)}`, 'auth/token-invalid'],
    ['noise', 'noise', 'auth/token-invalid'],
  ])('refuses %s with a connect_error and its code', async (_what, deviceToken, code) => {
    await expect(connectSocket(service.socketUrl, '/devices', deviceToken)).rejects.toMatchObject({
      data: { code },
    });
  });

  it('is closed to users, and /live to devices', async () => {
    const { deviceToken } = await newVehicle(service, token);
    await expect(connectSocket(service.socketUrl, '/devices', token)).rejects.toMatchObject({
      data: { code: 'auth/token-invalid' },
    });
    await expect(connectSocket(service.socketUrl, '/live', deviceToken)).rejects.toMatchObject({
      data: { code: 'auth/token-invalid' },
    });
  });
});

describe('/live', () => {
  it('sends a snapshot and then every stored position once, the last one too', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const device = await connect('/devices', deviceToken);
    await ask(device, 'position', fix(0));

    const subscriber = await connect('/live', token);
    const seen: string[] = [];
    subscriber.on('positions', (frame) => {
      expect(typeof frame.cursor).toBe('string');
      for (const item of frame.items) if (item.vehicleId === vehicleId) seen.push(item.position.time);
    });
    const answer = await ask(subscriber, 'watch', {});
    expect(
      answer.snapshot.find((item: { vehicleId: string }) => item.vehicleId === vehicleId).position.time,
    ).toBe(fix(0).time);

    const sent = Array.from({ length: 100 }, (_, n) => fix(n + 1));
    for (const position of sent) expect(await ask(device, 'position', position)).toMatchObject({ stored: 1 });
    await ask(device, 'positions', sent);
    await until(() => seen.length >= sent.length, 'the frames');
    // The only position of its frame, and no position follows.
    sent.push(fix(101));
    await ask(device, 'position', fix(101));
    await until(() => seen.length >= sent.length, 'the last frame');
    expect(seen).toEqual(sent.map((position) => position.time));
  });

  it('sends only the vehicles of the filter, and nothing after unwatch', async () => {
    const [one, other] = [await newVehicle(service, token), await newVehicle(service, token)];
    const subscriber = await connect('/live', token);
    const seen: string[] = [];
    subscriber.on('positions', (frame) =>
      seen.push(...frame.items.map((item: { vehicleId: string }) => item.vehicleId)),
    );
    await ask(subscriber, 'watch', { vehicleIds: [one.vehicleId] });
    for (const { deviceToken } of [other, one])
      await ask(await connect('/devices', deviceToken), 'position', fix(0));
    await until(() => seen.length > 0);
    expect(seen).toEqual([one.vehicleId]);

    expect(await ask(subscriber, 'unwatch', {})).toEqual({});
    await ask(await connect('/devices', one.deviceToken), 'position', fix(1));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(seen).toEqual([one.vehicleId]);
  });

  it.each([
    ['a text', { vehicleIds: 'all' }],
    ['a bad id', { vehicleIds: ['x'] }],
    ['an unknown field', { everything: true }],
  ])('refuses %s in a watch', async (_what, request) => {
    const subscriber = await connect('/live', token);
    expect(await ask(subscriber, 'watch', request)).toMatchObject({ error: { code: 'input/invalid' } });
  });
});

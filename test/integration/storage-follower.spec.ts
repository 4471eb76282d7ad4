import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { EventStream, InstanceIdentity } from '../../src/cluster/index.js';
import { LatestPositions } from '../../src/tracking/index.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

describe('two instances without Redis', () => {
  let one: TestService;
  let other: Instance;
  let token: string;
  let socket: Socket;
  beforeAll(async () => {
    one = await startTestService();
    other = await one.another();
    token = await adminToken(one);
    const { id } = one.service.app.get(InstanceIdentity);
    other.service.app.get(EventStream).setAlive(new Set([id]));
    socket = await connectSocket(other.socketUrl, '/live', token);
  });
  afterAll(async () => {
    socket.close();
    await other.stop();
    await one.stop();
  });

  it('one shows what the other stores: each position and change once, read from storage', async () => {
    const { vehicleId, deviceToken } = await newVehicle(one, token);
    const times: string[] = [];
    const statuses: string[] = [];
    socket.on('positions', ({ items }) => {
      for (const { position } of items) times.push(position.time);
    });
    socket.on('vehicle', ({ vehicle }) => statuses.push(vehicle.status));
    await ask(socket, 'watch', { vehicleIds: [vehicleId] });
    const sent: string[] = [];
    for (let second = 0; second < 5; second += 1) {
      const time = new Date(Date.now() - 60_000 + second * 1_000).toISOString();
      const body = { positions: [{ lat: 48, lon: 11 + second * 1e-4, time }] };
      await call(one, 'POST', '/api/v1/positions', { token: deviceToken, body });
      sent.push(time);
      if (second === 2)
        await call(one, 'PATCH', `/api/v1/vehicles/${vehicleId}`, { token, body: { status: 'on_scene' } });
      await until(() => times.includes(time), 'the position on the other instance');
    }
    await until(() => statuses.includes('on_scene'), 'the status on the other instance');
    expect(times).toEqual(sent);
    expect(other.service.app.get(LatestPositions).of(vehicleId)?.timeMs).toBe(Date.parse(sent.at(-1) ?? ''));
  });
});

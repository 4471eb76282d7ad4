import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

const open: Socket[] = [];
afterEach(() => open.splice(0).forEach((client) => client.close()));

it.each(['websocket', 'polling'])(
  'a client of the old server is never let in by %s: it keeps what it has to say, and tries again',
  async (transport) => {
    const client = io(service.socketUrl, {
      transports: [transport],
      forceNew: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 50,
    });
    open.push(client);
    const events: string[] = [];
    client.on('connect', () => events.push('connect'));
    client.on('connect_error', () => events.push('connect_error'));
    let attempts = 0;
    client.io.on('reconnect_attempt', () => (attempts += 1));
    client.emit('room_join', 'tracking');
    await until(() => attempts >= 2, 10_000, 'two more attempts');
    expect(events).toEqual([]);
    expect(client.sendBuffer).toHaveLength(1);
    expect(client.active).toBe(true);
  },
);

import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { call } from '../support/http.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN, LEGACY_CLIENTS: 'off' });
});
afterAll(() => service.stop());

const open: Socket[] = [];
afterEach(() => open.splice(0).forEach((client) => client.close()));

it.each(['websocket', 'polling'])(
  'with LEGACY_CLIENTS=off a client of the old server never connects by %s: it keeps its events and retries',
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
    await until(() => attempts >= 2, 'two more attempts');
    expect(events).toEqual([]);
    expect(client.sendBuffer).toHaveLength(1);
    expect(client.active).toBe(true);
    const turnedAway = (await Scrape.of(service)).value('samserver_old_clients_turned_away_total');
    expect(turnedAway).toBeGreaterThanOrEqual(2);
  },
);

it.each([
  'POST /api/tracking/postAmbulanceTracking',
  'POST /api/snapshot/postAmbulanceImageUpload',
  'POST /api/crash/postAmbulanceCrashNotify',
  'GET /error_codes',
])('with LEGACY_CLIENTS=off %s is not found on both ports', async (route) => {
  const [method = '', path = ''] = route.split(' ');
  for (const url of [service.url, service.socketUrl]) {
    const answer = await call(
      { url },
      method,
      path,
      method === 'POST' ? { body: { ambulance_id: '291' } } : {},
    );
    expect([answer.status, answer.body.code]).toEqual([404, 'http/not-found']);
  }
});

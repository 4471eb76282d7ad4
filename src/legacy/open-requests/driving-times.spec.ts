import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { Clock } from '../../core/index.js';
import { DrivingTimes, GoogleRoutesClient } from './driving-times.js';

class SetClock extends Clock {
  atMs = 1_000_000;
  override nowMs(): number {
    return this.atMs;
  }
}

const [FROM, TO] = [
  { lat: 13.7, lon: 100.5 },
  { lat: 13.8, lon: 100.6 },
];
describe('DrivingTimes', () => {
  let clock: SetClock;
  let asked: number;
  let minutes: number | null;
  let roads: DrivingTimes;
  beforeEach(() => {
    clock = new SetClock();
    asked = 0;
    minutes = 7;
    roads = new DrivingTimes({ findMinutes: async () => ((asked += 1), minutes) }, clock);
  });

  const look = async (to = TO, vehicleId = 'a'): Promise<number | null> => {
    const found = roads.minutesOf(vehicleId, FROM, to);
    await turn();
    return found;
  };

  it('answers null at first, then the cached time for a minute', async () => {
    expect([await look(), await look(), asked]).toEqual([null, 7, 1]);
    clock.atMs += 59_999;
    expect([await look(), asked]).toEqual([7, 1]);
    clock.atMs += 1;
    minutes = 5;
    expect([await look(), await look(), asked]).toEqual([null, 5, 2]);
  });

  it('requests again for another destination and for another vehicle', async () => {
    await look();
    expect([await look({ lat: 14, lon: 100 }), await look(TO, 'b'), asked]).toEqual([null, null, 3]);
  });

  it('waits a minute after a failed request', async () => {
    minutes = null;
    expect([await look(), await look(), await look(), asked]).toEqual([null, null, null, 1]);
    clock.atMs += 60_000;
    await look();
    expect(asked).toBe(2);
  });

  it('limits the requests in flight to four', async () => {
    for (let n = 0; n < 10; n += 1) roads.minutesOf(String(n), FROM, TO);
    expect(asked).toBe(4);
  });

  it('answers null without a client', () => {
    expect(new DrivingTimes(null, clock).minutesOf('a', FROM, TO)).toBeNull();
  });
});

describe('GoogleRoutesClient', () => {
  const KEY = 'a key that must not appear in logs';

  let server: Server;
  let asked: { headers: IncomingMessage['headers']; body: string }[];
  let answer: (response: ServerResponse) => void;
  let routes: GoogleRoutesClient;
  let logged: unknown[];
  beforeEach(async () => {
    logged = [];
    asked = [];
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((...line) => void logged.push(...line));
    server = createServer((request, response) => {
      void text(request).then((body) => {
        asked.push({ headers: request.headers, body });
        answer(response);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    routes = new GoogleRoutesClient({ key: KEY, address: `http://127.0.0.1:${port}/`, timeoutMs: 1_500 });
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const json = (status: number, body: string) => (response: ServerResponse) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);

  it('requests the duration only, with the key in a header', async () => {
    answer = json(200, '{"routes":[{"duration":"754s"}]}');
    expect(await routes.findMinutes(FROM, TO)).toBe(13);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers).toMatchObject({ 'x-goog-api-key': KEY, 'x-goog-fieldmask': 'routes.duration' });
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      origin: { location: { latLng: { latitude: 13.7, longitude: 100.5 } } },
      destination: { location: { latLng: { latitude: 13.8, longitude: 100.6 } } },
      travelMode: 'DRIVE',
      routingPreference: 'TRAFFIC_AWARE',
    });
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['answer is 403', json(403, `{"error":{"message":"${KEY}"}}`)],
    ['answer has no route', json(200, '{}')],
    ['duration is not a number', json(200, '{"routes":[{"duration":"soon"}]}')],
    ['answer is not JSON', json(200, '<html>')],
    [
      'answer is a redirect',
      (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
    ],
    ['answer does not come', () => undefined],
    ['connection closes', (response) => response.destroy()],
  ])('gives null when the %s, and logs it without the key', async (_, theirs) => {
    answer = theirs;
    expect(await routes.findMinutes(FROM, TO)).toBeNull();
    expect(logged.length).toBeGreaterThan(0);
    expect(JSON.stringify(logged)).not.toContain(KEY);
  });
});

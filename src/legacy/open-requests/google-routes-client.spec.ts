import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { GoogleRoutesClient } from './google-routes-client.js';

const KEY = 'a key that nobody may see';
const [FROM, TO] = [
  { lat: 13.7, lon: 100.5 },
  { lat: 13.8, lon: 100.6 },
];

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

describe('GoogleRoutes', () => {
  it('asks for the time and nothing else, its key in a header', async () => {
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
    ['refuses the key', json(403, `{"error":{"message":"${KEY}"}}`)],
    ['knows no way', json(200, '{}')],
    ['says what is no time', json(200, '{"routes":[{"duration":"soon"}]}')],
    ['says what is no JSON', json(200, '<html>')],
    [
      'sends somewhere else',
      (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
    ],
    ['says nothing', () => undefined],
    ['hangs up', (response) => response.destroy()],
  ])('gives no time when it %s, and tells nobody the key', async (_, theirs) => {
    answer = theirs;
    expect(await routes.findMinutes(FROM, TO)).toBeNull();
    expect(logged.length).toBeGreaterThan(0);
    expect(JSON.stringify(logged)).not.toContain(KEY);
  });
});

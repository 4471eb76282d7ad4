import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RawWebSocket } from '../../bench/raw-websocket.mjs';
import { PinoLogger } from '../../src/core/index.js';
import { adminToken, newVehicle } from '../support/http.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let device: { vehicleId: string; deviceToken: string };
let lines: Record<string, unknown>[];
let unreadable: { caller: { vehicleId: string } }[];
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN });
  lines = [];
  unreadable = [];
  jest.spyOn(PinoLogger.prototype, 'warn').mockImplementation((fields: unknown, ...rest: unknown[]) => {
    if (String(rest[0]).startsWith('refused: ')) lines.push(fields as Record<string, unknown>);
    if (rest[0] === 'request body cannot be read') unreadable.push(fields as (typeof unreadable)[number]);
  });
});
afterAll(async () => {
  jest.restoreAllMocks();
  await service.stop();
});

async function connect(): Promise<RawWebSocket> {
  device = await newVehicle(service, await adminToken(service));
  const socket = new RawWebSocket({ port: service.service.socketPort, keepTexts: true });
  await until(() => socket.texts.some((text) => text.startsWith('0')));
  socket.sendText(`40/devices,${JSON.stringify({ token: device.deviceToken })}`);
  await until(() => socket.texts.some((text) => text.startsWith('40/devices,')));
  return socket;
}

const own = () => lines.filter(({ vehicleId }) => vehicleId === device.vehicleId);
const counted = async (reason: string) =>
  (await Scrape.of(service)).value('samserver_socket_refusals_total', { reason }) ?? NaN;

describe('an event that is not JSON', () => {
  it('is answered, counted and logged once a minute, and the connection carries the next event', async () => {
    const socket = await connect();
    const before = await counted('not_json');
    const bad = '42/devices,7["position",{"lat":NaN,"lon":11,"time":"2026-11-01T10:00:00.000Z"}]';
    for (let n = 0; n < 3; n += 1) socket.sendText(bad);
    const answers = () => socket.texts.filter((text) => text.startsWith('43/devices,7'));
    await until(() => answers().length === 3, 'the answers');
    expect(JSON.parse(answers()[0]?.slice('43/devices,7'.length) ?? '')).toEqual([
      { error: { code: 'input/not-json', message: expect.stringContaining('NaN') } },
    ]);
    socket.sendText(`42/devices,8${bad.slice(bad.indexOf('[')).replace('NaN', '48')}`);
    await until(() => socket.texts.some((text) => text.startsWith('43/devices,8')), 'the next answer');
    expect(socket.texts.at(-1)).toContain('"stored":1');
    expect((await counted('not_json')) - before).toBe(3);
    expect(own()).toEqual([
      expect.objectContaining({ namespace: '/devices', reason: 'not_json', sizeBytes: bad.length - 1 }),
    ]);
    socket.cut();
  });
});

describe('a message over the size limit', () => {
  it('closes the connection with 1009, and is counted and logged', async () => {
    const socket = await connect();
    const before = await counted('too_large');
    const message = `42/devices,7["position",{"attributes":"${'x'.repeat(2_000_000)}"}]`;
    socket.sendText(message);
    await until(() => socket.isClosed, 'the close');
    await until(() => own().length > 0, 'the line');
    expect(socket.closeCode).toBe(1009);
    expect((await counted('too_large')) - before).toBe(1);
    expect(own()).toEqual([expect.objectContaining({ reason: 'too_large', sizeBytes: message.length })]);
  });

  it('of a poll is answered with 413, and is counted and logged', async () => {
    device = await newVehicle(service, await adminToken(service));
    const url = `${service.socketUrl}/socket.io/?EIO=4&transport=polling`;
    const opened = await (await fetch(url)).text();
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
    const post = (body: string) => fetch(`${url}&sid=${sid}`, { method: 'POST', body });
    await post(`40/devices,${JSON.stringify({ token: device.deviceToken })}`);
    expect(await (await fetch(`${url}&sid=${sid}`)).text()).toMatch(/^40\/devices,/);
    const before = await counted('too_large');
    const body = `42/devices,7["position",{"attributes":"${'x'.repeat(2_000_000)}"}]`;
    expect((await post(body)).status).toBe(413);
    await until(() => own().length > 0, 'the line');
    expect((await counted('too_large')) - before).toBe(1);
    expect(own()).toEqual([expect.objectContaining({ reason: 'too_large', sizeBytes: body.length })]);
    // Otherwise the stop of the service waits for the next poll.
    await post('1');
  });
});

describe('a report over HTTP', () => {
  it.each([
    ['with NaN', () => '{"positions":[{"lat":NaN,"lon":11,"time":"2026-11-01T10:00:00.000Z"}]}', 400],
    ['over the size limit', () => `{"positions":["${'x'.repeat(2_000_000)}"]}`, 413],
  ])('%s is answered, and logged with vehicle and size', async (_what, makeBody, status) => {
    device = await newVehicle(service, await adminToken(service));
    const body = makeBody();
    const answer = await fetch(`${service.url}/api/v1/positions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${device.deviceToken}` },
      body,
    });
    expect(answer.status).toBe(status);
    const { vehicleId } = device;
    const ofVehicle = unreadable.filter(({ caller }) => caller.vehicleId === vehicleId);
    expect(ofVehicle).toEqual([expect.objectContaining({ status, sizeBytes: body.length })]);
  });
});

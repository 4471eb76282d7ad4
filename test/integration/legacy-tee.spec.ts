import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OwedRepository } from '../../src/legacy/owed/owed.repository.js';
import { PostSpool } from '../../src/legacy/spool/post-spool.service.js';
import { storageUnavailable } from '../../src/database/index.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { adminToken, call } from '../support/http.js';
import { CRASH, formOf, newBox, postJson, postRaw, SNAPSHOT, TRACKING } from '../support/old-boxes.js';
import { OldDatabase } from '../support/old-database.js';
import { jpeg } from '../support/pictures.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';
import { createTestVolume, type TestVolume } from '../support/test-volume.js';

limitJobIntervals(250);

interface Received {
  readonly url: string;
  readonly type: string | undefined;
  readonly body: Buffer;
}

/** The old server: it does not know the box `999`. */
class OldSide {
  readonly received: Received[] = [];
  isSilent = false;
  private readonly held: ServerResponse[] = [];
  private constructor(private readonly server: Server) {}

  static async open(): Promise<OldSide> {
    const server = createServer();
    const side = new OldSide(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { url = '', method, headers } = request;
        const body = Buffer.concat(chunks);
        if (method === 'GET') return void response.end();
        side.received.push({ url, type: headers['content-type'], body });
        if (side.isSilent) {
          side.held.push(response);
          return;
        }
        if (body.includes('999')) {
          response.writeHead(201, { 'content-type': 'application/json; charset=utf-8' });
          return void response.end('{"message":"Ambulance not found."}');
        }
        if (url !== TRACKING) return void response.end();
        response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
        response.end('{"success":true}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return side;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  answerHeld(): void {
    this.isSilent = false;
    for (const response of this.held.splice(0)) response.end();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

let volume: TestVolume;
let directory: string;
let old: OldSide;
let service: TestService;
let boxCode: string;
let vehicleId: string;
beforeAll(async () => {
  volume = await createTestVolume();
  directory = await mkdtemp(join(tmpdir(), 'samserver-tee-'));
  old = await OldSide.open();
  service = await startTestService({
    ...volume.env,
    OPS_TOKEN,
    LEGACY_ROLES: 'old',
    LEGACY_TEE_URL: old.url,
    LEGACY_MIRROR_SECRET: 'a test secret of nginx that is long enough',
    LEGACY_SHADOW_DIR: join(directory, 'shadow'),
    LEGACY_SPOOL_DIR: join(directory, 'spool'),
    LEGACY_SPOOL_MAX_BYTES: '10000000',
  });
  ({ boxCode, vehicleId } = await newBox(service, '320'));
});
afterEach(async () => {
  old.answerHeld();
  await settled();
  old.received.length = 0;
});
afterAll(async () => {
  await old.close();
  await service.stop();
  await volume.remove();
  await rm(directory, { recursive: true, force: true });
});

const report = (code: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  ambulance_id: code,
  tracking_latitude: '13.7563',
  tracking_longitude: '100.5018',
  tracking_speed: '10',
  tracking_heading: '90',
  ...more,
});
const state = async () =>
  (await call(service, 'GET', '/api/v1/ops/legacy-tee', { token: OPS_TOKEN })).body as Record<
    string,
    unknown
  >;
const settled = () => until(async () => (await state())['waiting'] === 0, 'settled posts');
const get = <T>(type: abstract new (...args: never[]) => T): T =>
  service.service.app.get(type, { strict: false });

describe('a post of a known box', () => {
  it('reaches both servers, unchanged', async () => {
    const body = `ambulance_id=${boxCode}&tracking_latitude=13.7&tracking_longitude=100.5&tracking_speed=0.0&tracking_heading=0.0`;
    const answer = await postRaw(service, TRACKING, body, { type: 'application/x-www-form-urlencoded' });
    expect([answer.status, answer.text]).toEqual([200, '{"success":true}']);
    await settled();
    expect(old.received).toEqual([
      { url: TRACKING, type: 'application/x-www-form-urlencoded', body: Buffer.from(body) },
    ]);
    const bytes = await jpeg(1);
    await postRaw(service, SNAPSHOT, formOf({ ambulance_id: boxCode }, [['im1.jpg', bytes]]));
    await settled();
    expect(old.received[1]?.type).toMatch(/^multipart\/form-data; boundary=/);
    expect(old.received[1]?.body.includes(bytes)).toBe(true);
  });

  it('is not passed on when nginx has sent it to the old server', async () => {
    await fetch(`${service.url}${TRACKING}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'X-Samserver-Mirror': 'a test secret of nginx that is long enough',
        'X-Samserver-Request-Id': '0'.repeat(32),
      },
      body: JSON.stringify(report(boxCode)),
    });
    await settled();
    expect(old.received).toEqual([]);
  });

  it('is a success when only the old server takes it', async () => {
    const submit = jest.spyOn(get(PostSpool), 'submit').mockRejectedValue(storageUnavailable());
    try {
      expect((await postJson(service, TRACKING, report(boxCode))).status).toBe(200);
      old.isSilent = true;
      expect((await postJson(service, TRACKING, report(boxCode))).status).toBe(503);
    } finally {
      submit.mockRestore();
    }
    const scrape = await Scrape.of(service);
    expect(
      scrape.value('samserver_legacy_posts_total', {
        post: 'position',
        outcome: 'passed_on',
        origin: 'direct',
      }),
    ).toBe(1);
  });

  it('is a success at once when the old server does not answer', async () => {
    old.isSilent = true;
    const fromMs = performance.now();
    expect((await postJson(service, CRASH, report(boxCode))).status).toBe(200);
    expect(performance.now() - fromMs).toBeLessThan(1_400);
  });

  it('is kept from the old server and owed when it would end it', async () => {
    const noSpeed = report(boxCode, { tracking_speed: 'nan', tracking_latitude: '13.8' });
    expect((await postJson(service, TRACKING, noSpeed)).status).toBe(200);
    const isOwed = async (): Promise<boolean> =>
      (await get(OwedRepository).list('position', null, 500)).some(
        (item) => item.vehicleId === vehicleId && item.reason === 'tee: withheld',
      );
    await until(isOwed, 'an owed position');
    expect(old.received.some(({ body }) => body.includes('nan'))).toBe(false);
  });
});

describe('a post of a box that this service does not know', () => {
  it.each([
    ['888', 200, '{"success":true}'],
    ['999', 201, '{"message":"Ambulance not found."}'],
  ])('gets the answer of the old server (%s)', async (code, status, text) => {
    const answer = await postJson(service, TRACKING, report(code));
    expect([answer.status, answer.text]).toEqual([status, text]);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('gets 503 when the old server does not answer', async () => {
    old.isSilent = true;
    expect((await postJson(service, TRACKING, report('888'))).status).toBe(503);
  });

  it('does not reach the old server when it would end it, or names no box', async () => {
    expect((await postJson(service, TRACKING, report('888', { tracking_speed: '' }))).status).toBe(201);
    expect((await postJson(service, TRACKING, {})).status).toBe(201);
    expect(old.received).toEqual([]);
  });
});

it('makes a vehicle of an ambulance that is added on the old side, and follows its box code', async () => {
  const old = await OldDatabase.open(service.database.url);
  const id = await old.addAmbulance('777');
  const boxes = async (): Promise<unknown> => {
    const { status, body } = await call(service, 'GET', `/api/v1/vehicles/${id}`, {
      token: await adminToken(service),
    });
    return status === 200 ? body.boxCode : null;
  };
  await until(async () => (await boxes()) === '777', 'the vehicle');
  await old
    .collection('ambulances')
    .updateOne({ _id: OldDatabase.id(id) }, { $set: { ambulance_box_code: '778' } });
  await until(async () => (await boxes()) === '778', 'the new box code');
  await old.close();
});

it('answers 508 to a post that was passed on', async () => {
  for (const path of [TRACKING, CRASH, SNAPSHOT]) {
    const answer = await fetch(`${service.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'X-Samserver-Hop': '1' },
      body: JSON.stringify(report(boxCode)),
    });
    expect([answer.status, await answer.text()]).toEqual([508, '{"success":false}']);
  }
  expect(old.received).toEqual([]);
});

it('passes nothing on while this service has the role, and shows it', async () => {
  await until(async () => (await state())['isDrained'] === true, 'a drained tee');
  expect(await state()).toMatchObject({ state: 'passing', waiting: 0, inFlight: 0 });
  await call(service, 'PUT', '/api/v1/ops/legacy-roles', { token: OPS_TOKEN, body: { role: 'samserver' } });
  expect((await postJson(service, TRACKING, report(boxCode))).status).toBe(200);
  expect((await postJson(service, TRACKING, report('888'))).status).toBe(201);
  expect([await state(), old.received]).toMatchObject([{ state: 'idle' }, []]);
});

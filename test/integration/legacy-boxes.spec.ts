import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getModelToken } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { adminToken, call } from '../support/http.js';
import { CRASH, formOf, newBox, type Port, postJson, postRaw, TRACKING } from '../support/old-boxes.js';
import { Scrape } from '../support/scrape.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let token: string;
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN, LEGACY_POSITIONS_PER_S_PER_BOX: '100' });
  token = await adminToken(service);
});
afterAll(() => service.stop());

const JSON_TYPE = 'application/json; charset=utf-8';
const PORTS: readonly Port[] = ['http', 'socket'];
const report = (boxCode: string, change: Record<string, unknown> = {}) => ({
  ambulance_id: boxCode,
  tracking_latitude: '13.7563',
  tracking_longitude: '100.5018',
  tracking_speed: '12.5',
  tracking_heading: '87',
  ...change,
});
const historyOf = async (vehicleId: string) =>
  (await call(service, 'GET', `/api/v1/vehicles/${vehicleId}/positions`, { token })).body.items;

describe.each(PORTS)('on the %s port', (port) => {
  it('GET / answers the page of the old server, and /error_codes its only error code', async () => {
    const url = port === 'http' ? service.url : service.socketUrl;
    const page = await call({ url }, 'GET', '/');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.body).toContain('<title>AOC-V.2 Tracking Server On</title>');
    const codes = await call({ url }, 'GET', '/error_codes');
    expect([codes.status, codes.headers.get('content-type'), codes.body]).toEqual([
      200,
      JSON_TYPE,
      { '500': 'Error on server.' },
    ]);
    const { body } = await call({ url }, 'GET', '/uploads/ambulance_images/unknown/1.jpg');
    expect(body.code).toBe('images/volume-unavailable');
  });

  it.each(['json', 'urlencoded', 'multipart'])(
    'accepts a position as %s, with numbers as text',
    async (dialect) => {
      const { vehicleId, boxCode } = await newBox(service);
      const fields = report(boxCode) as Record<string, string>;
      const answer =
        dialect === 'json'
          ? await postJson(service, TRACKING, fields, port)
          : await postRaw(
              service,
              TRACKING,
              dialect === 'multipart' ? formOf(fields) : new URLSearchParams(fields),
              {
                port,
              },
            );
      expect([answer.status, answer.headers.get('content-type'), answer.text]).toEqual([
        200,
        JSON_TYPE,
        '{"success":true}',
      ]);
      // The answer follows the write.
      expect(await historyOf(vehicleId)).toMatchObject([
        { lat: 13.7563, lon: 100.5018, speedMps: 12.5, headingDeg: 87 },
      ]);
    },
  );

  it.each([
    ['another box', { ambulance_id: 'unknown' }],
    ['nothing', {}],
    ['a list', [1, 2]],
    ['an operator of the database', { ambulance_id: { $gt: '' } }],
    ['a path', { ambulance_id: '../../etc/passwd' }],
  ])('answers 201 to %s', async (_, body) => {
    for (const path of [TRACKING, CRASH]) {
      const { status, headers, text } = await postJson(service, path, body, port);
      expect([status, headers.get('content-type'), text]).toEqual([
        201,
        JSON_TYPE,
        '{"message":"Ambulance not found."}',
      ]);
    }
  });

  it.each([TRACKING, CRASH])('answers malformed JSON with 400 and a page on %s', async (path) => {
    for (const body of [
      '{"ambulance_id": 291',
      'nonsense',
      '"text"',
      '7',
      `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
    ]) {
      const { status, headers, text } = await postRaw(service, path, body, {
        port,
        type: 'application/json',
      });
      expect([status, headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8']);
      expect(text).toContain('<pre>Bad Request</pre>');
    }
  });

  it('stores a crash before the answer, which is empty', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const { status, headers, text } = await postJson(service, CRASH, report(boxCode), port);
    expect([status, headers.get('content-type'), text]).toEqual([200, null, '']);
    const { body } = await call(service, 'GET', `/api/v1/crashes?vehicleId=${vehicleId}`, { token });
    expect(body.items).toMatchObject([{ lat: 13.7563, lon: 100.5018, speedMps: 12.5, headingDeg: 87 }]);
  });
});

describe('the fields that a box sent', () => {
  it('are stored neither with a good position nor with a quarantined one', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const extra = { extra: 'only for panels' };
    await postJson(service, TRACKING, report(boxCode, extra));
    await postJson(
      service,
      TRACKING,
      report(boxCode, { ...extra, tracking_latitude: 0, tracking_longitude: 0 }),
    );
    const id = new Types.ObjectId(vehicleId);
    const documentOf = async (model: string): Promise<object> => {
      const { collection } = service.service.app.get<Model<unknown>>(getModelToken(model));
      return (await collection.findOne({ vehicleId: id })) as object;
    };
    const position = await documentOf('PositionRecord');
    const quarantined = (await documentOf('QuarantineRecord')) as { fix: object };
    const measurements = ['lat', 'lon', 'speedMps', 'headingDeg'];
    expect(Object.keys(position)).toEqual([
      '_id',
      'vehicleId',
      'time',
      ...measurements,
      'receivedAt',
      'recordedAt',
    ]);
    expect(Object.keys(quarantined.fix)).toEqual(measurements);
    expect(JSON.stringify([position, quarantined])).not.toContain('only for panels');
    expect(JSON.stringify(await historyOf(vehicleId))).not.toContain('only for panels');
  });
});

describe('a box code', () => {
  it('may be a number', async () => {
    const { vehicleId } = await newBox(service, '291');
    expect((await postJson(service, TRACKING, report('291', { ambulance_id: 291 }))).text).toBe(
      '{"success":true}',
    );
    expect(await historyOf(vehicleId)).toHaveLength(1);
  });

  it('is known as soon as a vehicle gets it, and unknown as soon as it is removed', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    expect((await postJson(service, TRACKING, report(boxCode))).status).toBe(200);
    const path = `/api/v1/vehicles/${vehicleId}`;
    await call(service, 'PATCH', path, { token, body: { boxCode: `${boxCode}-b` } });
    expect((await postJson(service, TRACKING, report(boxCode))).status).toBe(201);
    expect((await postJson(service, TRACKING, report(`${boxCode}-b`))).status).toBe(200);
    await call(service, 'DELETE', path, { token });
    expect((await postJson(service, TRACKING, report(`${boxCode}-b`))).status).toBe(201);
  });

  it('of no vehicle is listed for the operator, printable and at most 200', async () => {
    for (let n = 0; n < 250; n += 1) await postJson(service, TRACKING, { ambulance_id: `made up ${n}` });
    await postJson(service, TRACKING, { ambulance_id: `\u0007${'x'.repeat(10_000)}` });
    await postJson(service, CRASH, { ambulance_id: 'twice' });
    await postJson(service, TRACKING, { ambulance_id: 'twice' });
    const { body } = await call(service, 'GET', '/api/v1/legacy/unknown-boxes', { token });
    expect(body.items).toHaveLength(200);
    expect(body.items[0]).toMatchObject({ code: 'twice', count: 2, lastAddress: '127.0.0.1' });
    expect(body.items[1].code).toBe(`\ufffd${'x'.repeat(63)}`);
    const scrape = await Scrape.of(service);
    expect(scrape.value('samserver_legacy_unknown_boxes')).toBe(200);
    expect(scrape.value('samserver_legacy_unknown_box_posts_total')).toBeGreaterThan(250);
  });
});

describe('requests that ended the process of the old server', () => {
  it.each([
    ['no speed', { tracking_speed: undefined }],
    ['"nan"', { tracking_speed: 'nan' }],
    ['a word', { tracking_speed: 'fast' }],
    ['null', { tracking_speed: null }],
    ['a list', { tracking_speed: [1] }],
    ['an object', { tracking_speed: { a: 1 } }],
  ])(
    'a position with %s for a speed is kept without one, also of a box that has sent before',
    async (_, change) => {
      const { vehicleId, boxCode } = await newBox(service);
      for (let n = 0; n < 2; n += 1) {
        const answer = await postJson(service, TRACKING, report(boxCode, change));
        expect([answer.status, answer.text]).toEqual([200, '{"success":true}']);
      }
      const items = await historyOf(vehicleId);
      expect(items).toHaveLength(2);
      expect(items.filter((item: object) => 'speedMps' in item)).toEqual([]);
    },
  );

  it.each([
    ['text', { tracking_latitude: 'north' }],
    ['nothing', { tracking_latitude: undefined }],
    ['too much', { tracking_longitude: 181 }],
    ['NaN', { tracking_latitude: 'NaN' }],
  ])(
    'a position with %s for a place gets its success, is stored nowhere, and is counted',
    async (_, change) => {
      const { vehicleId, boxCode } = await newBox(service);
      const unusable = { post: 'position', outcome: 'unusable' };
      const count = async () =>
        (await Scrape.of(service)).value('samserver_legacy_posts_total', unusable) ?? 0;
      const before = await count();
      const answer = await postJson(service, TRACKING, report(boxCode, change));
      expect([answer.status, answer.text]).toEqual([200, '{"success":true}']);
      expect(await historyOf(vehicleId)).toEqual([]);
      expect((await count()) - before).toBe(1);
    },
  );

  it('a crash report needs only its box code', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const { status, text } = await postJson(service, CRASH, { ambulance_id: boxCode, tracking_speed: 'nan' });
    expect([status, text]).toEqual([200, '']);
    const { body } = await call(service, 'GET', `/api/v1/crashes?vehicleId=${vehicleId}`, { token });
    expect(body.items).toMatchObject([{ lat: null, lon: null, speedMps: null, headingDeg: null }]);
  });
});

describe('the time that a box does not send', () => {
  it('is the time of arrival, strictly rising, for any number of reports in one millisecond', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const beforeMs = Date.now();
    const posts = Array.from({ length: 40 }, (_, n) =>
      postJson(service, TRACKING, report(boxCode, { tracking_latitude: 13.7563 + n * 1e-5 }), PORTS[n % 2]),
    );
    expect((await Promise.all(posts)).map(({ text }) => text)).toEqual(posts.map(() => '{"success":true}'));
    const times = (await historyOf(vehicleId)).map(({ time }: { time: string }) => Date.parse(time));
    expect(new Set(times).size).toBe(40);
    expect(times[0]).toBeGreaterThanOrEqual(beforeMs);
    expect(times.at(-1)).toBeLessThan(Date.now() + 1_000);
  });
});

describe('bodies that no box sends', () => {
  it.each([TRACKING, CRASH])('%s: over 64 kB, compressed, or with too many fields', async (path) => {
    const { boxCode } = await newBox(service);
    const large = { ...report(boxCode), more: 'x'.repeat(70_000) };
    expect((await postJson(service, path, large)).status).toBe(413);
    const many = new URLSearchParams(Array.from({ length: 500 }, (_, n): [string, string] => [`f${n}`, '1']));
    expect((await postRaw(service, path, many)).status).toBe(400);
    const form = formOf(report(boxCode), [['a.jpg', Buffer.alloc(100_000)]]);
    expect((await postRaw(service, path, form)).status).toBe(413);
    const gzipped = await fetch(`${service.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: new Uint8Array(100),
    });
    expect(gzipped.status).toBe(415);
    expect((await postRaw(service, path, 'x', { type: 'multipart/form-data' })).status).toBe(400);
  });

  it('names of built-in properties are ordinary fields', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const body = `{"__proto__":{"polluted":1},"constructor":2,${JSON.stringify(report(boxCode)).slice(1)}`;
    expect((await postRaw(service, TRACKING, body, { type: 'application/json' })).status).toBe(200);
    const encoded = new URLSearchParams({ ...report(boxCode), ['__proto__']: 'x', toString: 'y' } as never);
    encoded.append('__proto__', 'z');
    expect((await postRaw(service, TRACKING, encoded)).status).toBe(200);
    expect(await historyOf(vehicleId)).toHaveLength(2);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

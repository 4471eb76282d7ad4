import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { Clock } from '../../src/core/index.js';
import { adminToken, call } from '../support/http.js';
import { CRASH, formOf, newBox, SNAPSHOT, TRACKING } from '../support/old-boxes.js';
import { OldPanel } from '../support/old-panel.js';
import { imagesOf, jpeg } from '../support/pictures.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';
import { createTestVolume, type TestVolume } from '../support/test-volume.js';

const READS_AT_ONCE = 4;

let volume: TestVolume;
let service: TestService;
let token: string;
/** The clock of the service; it stands still, so that no token comes back while a slow machine works. */
let nowMs: number;
beforeAll(async () => {
  volume = await createTestVolume();
  service = await startTestService({
    OPS_TOKEN,
    ...volume.env,
    TRUST_PROXY: '127.0.0.1',
    LEGACY_POSTS_PER_S_PER_ADDRESS: '4',
    LEGACY_POSITIONS_PER_S_PER_BOX: '1',
    LEGACY_PICTURE_POSTS_PER_S_PER_BOX: '1',
    LEGACY_PICTURE_POSTS_AT_ONCE: String(READS_AT_ONCE),
  });
  token = await adminToken(service);
  nowMs = Date.now();
  jest.spyOn(service.service.app.get(Clock), 'nowMs').mockImplementation(() => nowMs);
});
afterAll(async () => {
  await service.stop();
  await volume.remove();
});
// All buckets are full again.
beforeEach(() => void (nowMs += 60_000));

let lastPlace = 0;
/** A new IP address on each call. */
const newPlace = (): string => `198.51.100.${(lastPlace += 1)}`;

async function post(
  place: string,
  path: string,
  body: FormData | Record<string, string>,
): Promise<{ status: number; text: string; retryAfter: string | null }> {
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    body: body instanceof FormData ? body : new URLSearchParams(body),
    headers: { 'x-forwarded-for': place },
  });
  return {
    status: response.status,
    text: await response.text(),
    retryAfter: response.headers.get('retry-after'),
  };
}

const report = (boxCode: string, n = 0) => ({
  ambulance_id: boxCode,
  tracking_latitude: String(13.7 + n * 1e-5),
  tracking_longitude: '100.5',
});
const OK = { status: 200, text: '{"success":true}', retryAfter: null };
const LIMITED = { status: 429, text: '{"success":false}', retryAfter: '1' };
const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));
const limited = async (kind: string): Promise<number> =>
  (await Scrape.of(service)).value('samserver_legacy_posts_total', { post: kind, outcome: 'limited' }) ?? 0;

describe('more requests than a box sends', () => {
  it('get 429 for this address; the box at its own address and other boxes are served', async () => {
    const [box, other] = [await newBox(service), await newBox(service)];
    const place = newPlace();
    const before = await limited('position');
    const answers = await times(12, (n) => post(place, TRACKING, report(box.boxCode, n)));
    expect(answers.filter(({ status }) => status === 200)).toEqual(Array(5).fill(OK));
    expect(answers.filter(({ status }) => status !== 200)).toEqual(Array(7).fill(LIMITED));
    expect((await limited('position')) - before).toBe(7);
    expect(await post(newPlace(), TRACKING, report(box.boxCode, 20))).toEqual(OK);
    expect(await post(place, TRACKING, report(other.boxCode))).toEqual(OK);
    const { body } = await call(service, 'GET', `/api/v1/vehicles/${box.vehicleId}/positions`, { token });
    expect(body.items).toHaveLength(6);

    nowMs += 1_000;
    expect(await post(place, TRACKING, report(box.boxCode, 21))).toEqual(OK);
  });

  it('get 429 for pictures too, whether the code is before or after them', async () => {
    const { boxCode, vehicleId } = await newBox(service);
    const place = newPlace();
    const picture = async (n: number): Promise<FormData> => {
      const form = formOf({}, [['a.jpg', await jpeg(n)]]);
      if (n % 2 === 0) return formOf({ ambulance_id: boxCode }, [['a.jpg', await jpeg(n)]]);
      form.append('ambulance_id', boxCode);
      return form;
    };
    const statuses: number[] = [];
    for (let n = 0; n < 8; n += 1) statuses.push((await post(place, SNAPSHOT, await picture(n))).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    expect((await imagesOf(service, vehicleId, token)).body.items).toHaveLength(5);
  });

  it('get 429 for unknown codes from one address, before the body is read', async () => {
    const place = newPlace();
    const answers = await times(24, (n) => post(place, TRACKING, report(`unknown ${n}`)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(20);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(4);
    expect((await post(newPlace(), TRACKING, report('unknown'))).status).toBe(201);
  });
});

describe('crash alarms', () => {
  it('of one vehicle within a second are one crash and one frame, and each sender gets its success', async () => {
    const { boxCode, vehicleId } = await newBox(service);
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join('crash', `CRASH_NOTIFY_${vehicleId}`);
    const stored = async (): Promise<unknown[]> =>
      (await call(service, 'GET', `/api/v1/crashes?vehicleId=${vehicleId}`, { token })).body.items;
    const answers = await times(40, (n) => post(`192.0.2.${n % 10}`, CRASH, report(boxCode, n)));
    expect(answers).toEqual(Array(40).fill({ status: 200, text: '', retryAfter: null }));
    expect(await stored()).toHaveLength(1);

    nowMs += 1_000;
    expect((await post(newPlace(), CRASH, report(boxCode))).status).toBe(200);
    expect(await stored()).toHaveLength(2);
    const frames = (await panel.frames(4)) as { type: string }[];
    expect(frames.map(({ type }) => type)).toEqual(['CRASH_NOTIFY', 'CRASH', 'CRASH_NOTIFY', 'CRASH']);
    panel.close();
  });
});

describe('picture requests that are sent slowly', () => {
  const open: Socket[] = [];
  beforeEach(() => open.splice(0).forEach((socket) => socket.destroy()));
  afterAll(() => open.forEach((socket) => socket.destroy()));

  /** Begins a request without a box code and sends nothing more. */
  function beginSlowly(place: string): void {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    const part = 'Content-Disposition: form-data; name="a"; filename="a.jpg"';
    socket.write(
      `POST ${SNAPSHOT} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${place}\r\n` +
        `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\n${part}\r\n\r\n`,
    );
    open.push(socket);
  }
  /** Those without an answer: an answered one found no free slot, because `probe` had it. */
  const waiting = (): Socket[] => open.filter(({ bytesRead }) => bytesRead === 0);
  const closed = (): number => waiting().filter(({ destroyed }) => destroyed).length;

  /** Begins requests until all slots are taken. @param probe a picture request that needs a slot */
  const fillSlots = (place: () => string, probe: () => Promise<{ status: number }>): Promise<void> =>
    until(async () => {
      if (waiting().length === READS_AT_ONCE) return (await probe()).status === 503;
      beginSlowly(place());
      return false;
    }, 'no free slot');

  it('keep no slot that a box at another address needs', async () => {
    const { boxCode } = await newBox(service);
    const place = newPlace();
    const form = async (n: number): Promise<FormData> =>
      formOf({ ambulance_id: boxCode }, [['a.jpg', await jpeg(n)]]);
    await fillSlots(
      () => place,
      async () => post(place, SNAPSHOT, await form(50)),
    );
    nowMs += 5_000;
    expect(closed()).toBe(0);
    expect((await post(newPlace(), SNAPSHOT, await form(51))).status).toBe(200);
    await until(() => closed() === 1, 'the end of one slow request');
  });

  it('from many addresses lose their slots after five seconds', async () => {
    const { boxCode } = await newBox(service);
    const form = async (n: number): Promise<FormData> =>
      formOf({ ambulance_id: boxCode }, [['a.jpg', await jpeg(n)]]);
    const place = newPlace();
    await fillSlots(newPlace, async () => post(place, SNAPSHOT, await form(60)));
    nowMs += 5_001;
    expect((await post(place, SNAPSHOT, await form(61))).status).toBe(200);
    await until(() => closed() === 1, 'the end of one slow request');
  });
});

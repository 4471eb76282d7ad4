import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Clock, type PositionResult, type ReportAnswer } from '../../src/core/index.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { PositionsRepository } from '../../src/tracking/positions.repository.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let token: string;
let vehicleId: string;
let deviceToken: string;
beforeAll(async () => {
  service = await startTestService();
  token = await adminToken(service);
});
afterAll(() => service.stop());
beforeEach(async () => {
  ({ vehicleId, deviceToken } = await newVehicle(service, token));
});

const nowMs = Date.now();
/** A position `second` seconds after the time one hour ago, and `metresNorth` metres to the north. */
const fix = (second: number, metresNorth = 0, change: Record<string, unknown> = {}) => ({
  lat: Number((48 + metresNorth / 111_195).toFixed(7)),
  lon: 11,
  time: new Date(nowMs - 3_600_000 + second * 1_000).toISOString(),
  ...change,
});
const inS = (seconds: number) => ({ time: new Date(Date.now() + seconds * 1_000).toISOString() });

async function report(...positions: unknown[]): Promise<ReportAnswer> {
  const answer = await call(service, 'POST', '/api/v1/positions', {
    token: deviceToken,
    body: { positions },
  });
  expect(answer.status).toBe(200);
  return answer.body as ReportAnswer;
}

/** `stored`, `stored late`, `quarantined jump`, … */
async function verdicts(...positions: unknown[]): Promise<string[]> {
  return (await report(...positions)).results.map(inWords);
}

const inWords = ({ verdict, late, code }: PositionResult): string =>
  [verdict, late ? 'late' : '', code ?? ''].filter((word) => word !== '').join(' ');

async function held(): Promise<{ id: string; code: string; position: { time: string } }[]> {
  const { body } = await call(service, 'GET', `/api/v1/quarantine?vehicleId=${vehicleId}`, { token });
  return body.items;
}

const lastPosition = async () =>
  (await call(service, 'GET', `/api/v1/vehicles/${vehicleId}`, { token })).body.lastPosition;

describe('a position that breaks a rule by itself', () => {
  it.each([
    ['future', { ...fix(0), ...inS(330) }],
    ['too_old', fix(0, 0, { time: '1999-12-31T23:59:59.999Z' })],
    ['inaccurate', fix(0, 0, { accuracyM: 5_001 })],
    ['inaccurate', fix(0, 0, { accuracyM: -1 })],
    ['null_island', fix(0, 0, { lat: 0, lon: 0 })],
  ])(
    'is %s: kept, counted, not shown, the same verdict each time, released by one call',
    async (code, bad) => {
      expect(await verdicts(fix(-60), bad)).toEqual(['stored', `quarantined ${code}`]);
      expect(await verdicts(bad, bad)).toEqual([`quarantined ${code}`, `quarantined ${code}`]);
      expect((await lastPosition()).time).toBe(fix(-60).time);

      const entries = await held();
      expect(entries).toMatchObject([{ code, position: { time: bad.time } }]);
      const released = await call(service, 'POST', `/api/v1/quarantine/${entries[0]?.id}/release`, { token });
      expect(released).toMatchObject({ status: 200, body: { code, releasedAt: expect.any(String) } });
      expect(await held()).toEqual([]);
      expect(await verdicts(bad)).toEqual(['duplicate']);
      expect(
        await call(service, 'POST', `/api/v1/quarantine/${entries[0]?.id}/release`, { token }),
      ).toMatchObject({
        status: 200,
        body: { releasedAt: released.body.releasedAt },
      });
    },
  );

  it('loses a negative accuracy by the release, because the history has measurements only', async () => {
    await report(fix(0, 0, { accuracyM: -1 }));
    const [entry] = await held();
    expect(entry?.position).toMatchObject({ accuracyM: -1 });
    await call(service, 'POST', `/api/v1/quarantine/${entry?.id}/release`, { token });
    expect(await lastPosition()).toEqual({ ...fix(0), receivedAt: expect.any(String) });
  });

  it('keeps its verdict when the clock has reached its time', async () => {
    const atMs = Date.now();
    const clock = jest.spyOn(service.service.app.get(Clock), 'nowMs').mockReturnValue(atMs);
    try {
      const ahead = { ...fix(0), time: new Date(atMs + 300_400).toISOString() };
      expect(await verdicts(ahead)).toEqual(['quarantined future']);
      clock.mockReturnValue(atMs + 600);
      expect(await verdicts(ahead)).toEqual(['quarantined future']);
    } finally {
      clock.mockRestore();
    }
  });
});

describe('a clock that fell back', () => {
  const YEAR_MS = 365.25 * 86_400_000;
  const ROLLOVER_MS = 1_024 * 7 * 86_400_000;
  const ago = (ms: number, second = 0) => ({
    ...fix(second, second),
    time: new Date(nowMs - ms + second * 1_000).toISOString(),
  });

  it('by 1,024 weeks is stale_clock, also on a fresh vehicle and on another instance', async () => {
    expect(await verdicts(ago(ROLLOVER_MS), ago(ROLLOVER_MS, 1))).toEqual(
      Array(2).fill('quarantined stale_clock'),
    );
    expect(await verdicts(fix(0), ago(ROLLOVER_MS), ago(ROLLOVER_MS, 2))).toEqual([
      'stored',
      ...Array<string>(2).fill('quarantined stale_clock'),
    ]);
    expect((await lastPosition()).time).toBe(fix(0).time);
    expect(await held()).toHaveLength(3);
  });

  it('by years is stale_clock after a newer fix, on every instance; an old track before it is stored', async () => {
    const track = [0, 1, 2].map((second) => ago(5 * YEAR_MS, second));
    expect(await verdicts(...track)).toEqual(Array(3).fill('stored'));
    expect(await verdicts(ago(3 * YEAR_MS), fix(0))).toEqual(['stored', 'stored']);
    expect(await verdicts(track[0], ago(5 * YEAR_MS, 3), ago(2 * YEAR_MS), ago(YEAR_MS))).toEqual([
      'duplicate',
      'quarantined stale_clock',
      'quarantined stale_clock',
      'stored late',
    ]);
    const other = await service.another();
    try {
      const { body } = await call(other, 'POST', '/api/v1/positions', {
        token: deviceToken,
        body: { positions: [ago(5 * YEAR_MS, 3), ago(5 * YEAR_MS, 4)] },
      });
      expect(body).toMatchObject({
        quarantined: 2,
        results: [{ code: 'stale_clock' }, { code: 'stale_clock' }],
      });
    } finally {
      await other.stop();
    }
  });

  it('does not lock a vehicle out after the release of a fix in the future', async () => {
    const ahead = { ...fix(0), time: new Date(nowMs + 10 * YEAR_MS).toISOString() };
    expect(await verdicts(ahead)).toEqual(['quarantined future']);
    await call(service, 'POST', `/api/v1/quarantine/${(await held())[0]?.id}/release`, { token });
    expect(await verdicts(fix(0))).toEqual(['stored late']);
  });
});

describe('another place at the same time', () => {
  it('is quarantined as time_conflict, each place once, and a release swaps it with the stored one', async () => {
    const [first, second, third] = [fix(0), fix(0, 20), fix(0, 40)];
    expect(await verdicts(first, second, third, second)).toEqual([
      'stored',
      'quarantined time_conflict',
      'quarantined time_conflict',
      'quarantined time_conflict',
    ]);
    const entries = await held();
    expect(entries).toHaveLength(2);
    const entry = entries.find(({ position }) => (position as unknown as { lat: number }).lat === second.lat);
    await call(service, 'POST', `/api/v1/quarantine/${entry?.id}/release`, { token });
    expect(await verdicts(first, second, third)).toEqual([
      'quarantined time_conflict',
      'duplicate',
      'quarantined time_conflict',
    ]);
    expect(await held()).toHaveLength(2);
  });

  it('is the same place within a millionth of a degree', async () => {
    expect(await verdicts(fix(0), fix(0, 0, { lon: 11.000001 }), fix(0, 0, { lon: 11.0000025 }))).toEqual([
      'stored',
      'duplicate',
      'quarantined time_conflict',
    ]);
  });
});

describe('a jump', () => {
  it('is quarantined, and the next position is compared with the last good one', async () => {
    expect(await verdicts(fix(0), fix(10, 50_000), fix(20, 100))).toEqual([
      'stored',
      'quarantined jump',
      'stored',
    ]);
    expect(await verdicts(fix(30, 50_000))).toEqual(['quarantined jump']);
  });

  it('is a real move at the third in a row: all three are released and published in time order', async () => {
    const subscriber = await connectSocket(service.socketUrl, '/live', token);
    const seen: string[] = [];
    subscriber.on('positions', (frame) =>
      seen.push(...frame.items.map((item: { position: { time: string } }) => item.position.time)),
    );
    await ask(subscriber, 'watch', { vehicleIds: [vehicleId] });
    expect(await verdicts(fix(0))).toEqual(['stored']);
    expect(await verdicts(fix(10, 50_000))).toEqual(['quarantined jump']);
    expect(await verdicts(fix(20, 50_500))).toEqual(['quarantined jump']);
    expect(await verdicts(fix(20, 50_500))).toEqual(['quarantined jump']);
    expect(await verdicts(fix(30, 51_000))).toEqual(['stored']);
    expect(await held()).toEqual([]);
    expect(await verdicts(fix(10, 50_000), fix(20, 50_500), fix(40, 51_500))).toEqual([
      'duplicate',
      'duplicate',
      'stored',
    ]);
    await until(() => seen.length >= 5, 'all five live');
    expect(seen).toEqual([0, 10, 20, 30, 40].map((second) => fix(second).time));
    subscriber.close();
  });

  it('can complete a sequence in its middle, and a sequence can be one batch', async () => {
    expect(await verdicts(fix(0), fix(10, 50_000), fix(30, 51_000))).toEqual([
      'stored',
      'quarantined jump',
      'quarantined jump',
    ]);
    expect(await verdicts(fix(20, 50_500))).toEqual(['stored']);
    expect(await held()).toEqual([]);

    ({ vehicleId, deviceToken } = await newVehicle(service, token));
    expect(await verdicts(fix(0), fix(30, 51_000), fix(10, 50_000), fix(20, 50_500))).toEqual(
      Array(4).fill('stored'),
    );
    expect(await held()).toEqual([]);
  });

  it('makes no sequence with a good position in between, or with one that is far from the one before', async () => {
    expect(await verdicts(fix(0), fix(10, 50_000), fix(20, 50_500), fix(25, 300), fix(30, 51_000))).toEqual([
      'stored',
      'quarantined jump',
      'quarantined jump',
      'stored',
      'quarantined jump',
    ]);
  });

  it('gets the same verdict from an instance that has just started', async () => {
    expect(await verdicts(fix(0), fix(10, 50_000))).toEqual(['stored', 'quarantined jump']);
    const other = await service.another();
    const there = async (position: unknown) =>
      (
        (
          await call(other, 'POST', '/api/v1/positions', {
            token: deviceToken,
            body: { positions: [position] },
          })
        ).body as ReportAnswer
      ).results.map(inWords);
    expect(await there(fix(10, 50_000))).toEqual(['quarantined jump']);
    expect(await there(fix(0))).toEqual(['duplicate']);
    expect(await there(fix(5, 60_000))).toEqual(['quarantined jump']);
    expect(await there(fix(20, 50_500))).toEqual(['quarantined jump']);
    expect(await verdicts(fix(30, 51_000))).toEqual(['stored']);
    expect(await there(fix(25, 50_750))).toEqual(['stored late']);
    await other.stop();
  });
});

describe('a jump that is released while another instance stores a position of the same time', () => {
  it('stays held and is not published', async () => {
    const subscriber = await connectSocket(service.socketUrl, '/live', token);
    const seen: { time: string; lat: number }[] = [];
    subscriber.on('positions', (frame) =>
      seen.push(...frame.items.map((item: { position: { time: string; lat: number } }) => item.position)),
    );
    await ask(subscriber, 'watch', { vehicleIds: [vehicleId] });
    expect(await verdicts(fix(0), fix(10, 50_000), fix(20, 50_500))).toEqual([
      'stored',
      'quarantined jump',
      'quarantined jump',
    ]);
    const repository = service.service.app.get(PositionsRepository, { strict: false });
    const insert = repository.insert.bind(repository);
    const { lat, lon } = fix(10, 20);
    const theirs = { lat, lon, vehicleId, timeMs: Date.parse(fix(10).time), receivedAtMs: Date.now() };
    repository.insert = async (recorded) => {
      repository.insert = insert;
      await insert([{ position: theirs, late: false, recordedAtMs: Date.now() }]);
      return insert(recorded);
    };
    expect(await verdicts(fix(30, 51_000))).toEqual(['stored']);
    expect(await held()).toMatchObject([{ code: 'jump', position: { time: fix(10).time } }]);
    await until(() => seen.some(({ time }) => time === fix(30).time));
    // Theirs can appear: the instance of the test before counts as alive for up to 2 s, and storage is followed meanwhile.
    const ours = seen.filter((position) => position.lat !== theirs.lat);
    expect(ours.map(({ time }) => time)).toEqual([0, 20, 30].map((second) => fix(second).time));
    expect(await verdicts(fix(10, 50_000), fix(10, 20))).toEqual(['quarantined jump', 'duplicate']);
    subscriber.close();
  });
});

describe('a late position', () => {
  it('is stored, marked late, validated from the one before it, and does not move the marker', async () => {
    expect(await verdicts(fix(0), fix(100, 1_000))).toEqual(['stored', 'stored']);
    expect(await verdicts(fix(50, 500))).toEqual(['stored late']);
    expect(await verdicts(fix(60, 50_000))).toEqual(['quarantined jump']);
    expect((await lastPosition()).time).toBe(fix(100).time);
  });

  it('can be a month older than the newest one in the same batch', async () => {
    const step = 900;
    for (let start = 0; start < 2_400; start += 400) {
      await report(...Array.from({ length: 400 }, (_, n) => fix((start + n) * step - 2_592_000)));
    }
    const batch = [fix(-2_592_000 + 450), fix(-2_592_000 + 1_000 * step), fix(-10)];
    expect(await verdicts(...batch)).toEqual(['stored late', 'duplicate', 'stored']);
  });
});

describe('the live marker', () => {
  it('is not frozen by a clock that is ahead', async () => {
    const ahead = { ...fix(0), ...inS(250) };
    expect(await verdicts(ahead)).toEqual(['stored']);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const right = { ...fix(0, 5), ...inS(0) };
    expect(await verdicts(right)).toEqual(['stored late']);
    expect((await lastPosition()).time).toBe(right.time);
    const other = await service.another();
    expect(
      (await call(other, 'GET', `/api/v1/vehicles/${vehicleId}`, { token })).body.lastPosition.time,
    ).toBe(right.time);
    await other.stop();
  });
});

describe('the quarantine list', () => {
  it('is paged by arrival, filtered by code, and has counts', async () => {
    for (let n = 0; n < 7; n += 1)
      await report(fix(n, 0, { lat: 0, lon: 0 }), fix(n, 0, { accuracyM: 9_000 }));
    const seen: string[] = [];
    let cursor = '';
    do {
      const path = `/api/v1/quarantine?vehicleId=${vehicleId}&reason=null_island&limit=3${cursor}`;
      const { body } = await call(service, 'GET', path, { token });
      seen.push(...body.items.map((item: { position: { time: string } }) => item.position.time));
      expect(body.counts.null_island).toBeGreaterThanOrEqual(7);
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
    } while (cursor !== '');
    expect(seen).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => fix(n).time));
  });

  it.each(['nonsense', 'ab'.repeat(28), '%00'])('answers 404 for the id %s', async (id) => {
    expect(await call(service, 'POST', `/api/v1/quarantine/${id}/release`, { token })).toMatchObject({
      status: 404,
      body: { code: 'quarantine/not-found' },
    });
  });
});

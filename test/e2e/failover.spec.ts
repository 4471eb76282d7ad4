import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { adminToken, type Answer, call, newVehicle } from '../support/http.js';
import { type Fault, ReplicaSetProxy } from '../support/replica-set-proxy.js';
import { until } from '../support/sockets.js';
import { storedTimes } from '../support/stored-positions.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';
import { startTestService, type TestService } from '../support/test-service.js';

const TIMEOUT_MS = 5_000;

let database: TestDatabase;
let set: ReplicaSetProxy;
let service: TestService;
let admin: string;
beforeAll(async () => {
  database = await startTestDatabase();
  const { port, pathname } = new URL(database.url);
  set = await ReplicaSetProxy.before(Number(port));
  // The URL asks for stale reads and weak writes; the service must not obey.
  const url = `${set.urlOf(pathname.slice(1))}&readPreference=secondaryPreferred&w=1&journal=false`;
  service = await startTestService({ MONGODB_TIMEOUT_MS: String(TIMEOUT_MS) }, { ...database, url });
  admin = await adminToken(service);
});
afterEach(() => {
  set.inject = () => undefined;
});
afterAll(async () => {
  await service.stop();
  await set.close();
  await database.stop();
  expect([...new Set(set.violations)]).toEqual([]);
});

const START_MS = Date.now() - 86_400_000;
const fix = (n: number): object => ({
  lat: 48 + n * 1e-5,
  lon: 11,
  time: new Date(START_MS + n * 10_000).toISOString(),
});
const send = (token: string, ...positions: object[]): Promise<Answer> =>
  call(service, 'POST', '/api/v1/positions', { token, body: { positions } });
const isReady = async (): Promise<boolean> => (await call(service, 'GET', '/ready')).status === 200;

/** Repeats a request as a client does, until the answer is no 503. @throws Error for a 503 without a time to retry */
async function untilServed(request: () => Promise<Answer>): Promise<Answer> {
  let answer = await request();
  await until(async () => {
    if (answer.status !== 503) return true;
    if (!(Number(answer.headers.get('retry-after')) > 0)) throw new Error('503 without Retry-After');
    answer = await request();
    return false;
  }, 'an answer other than 503');
  return answer;
}

describe('a set that has lost its majority', () => {
  afterEach(async () => {
    await set.regainMajority('written');
    await until(isReady, 'readiness');
  });

  it('gets no write that outlives its caller, is not ready, and stores every position once afterwards', async () => {
    const devices = await Promise.all(Array.from({ length: 4 }, () => newVehicle(service, admin)));
    set.loseMajority();
    const answers = await Promise.all(devices.map(({ deviceToken }) => send(deviceToken, fix(0))));
    expect(answers.map(({ status, headers }) => [status, headers.get('retry-after')])).toEqual(
      devices.map(() => [503, '2']),
    );
    expect(set.abandoned).toBe(0);
    await until(
      async () => (await call(service, 'GET', '/ready')).body.reasons.includes('mongo.no_majority'),
      'not_ready for want of a majority',
    );
    // A position that may be rolled back is neither `stored` nor `duplicate`.
    expect((await send(devices[0]?.deviceToken ?? '', fix(0))).status).toBe(503);

    await set.regainMajority('written');
    for (const { deviceToken } of devices)
      expect((await untilServed(() => send(deviceToken, fix(0)))).body).toMatchObject({ duplicate: 1 });
  });

  it('may roll back what it did not confirm: the position is stored when it is sent again', async () => {
    const { deviceToken } = await newVehicle(service, admin);
    set.loseMajority();
    expect((await send(deviceToken, fix(0))).status).toBe(503);
    await set.regainMajority('rolled back');
    expect((await untilServed(() => send(deviceToken, fix(0)))).body).toMatchObject({ stored: 1 });
  });
});

describe('a primary that is silent', () => {
  it('gets the write once: the time limit includes the repetition by the driver', async () => {
    const { deviceToken } = await newVehicle(service, admin);
    let attempts = 0;
    set.inject = (_, body) => {
      if (body['insert'] !== 'positions') return undefined;
      attempts += 1;
      return { kind: 'silent' };
    };
    expect((await send(deviceToken, fix(0))).status).toBe(503);
    expect(attempts).toBe(1);
  });
});

describe('an error of the database', () => {
  /** Both attempts of the driver fail. */
  const CODES = [13, 18, 43, 79, 91, 100, 133, 134, 175, 189, 202, 237, 462, 10107, 11601, 11602];
  const faults: Fault[] = [
    ...CODES.map((code) => ({ kind: 'error', code, isExecuted: false }) as const),
    ...[64, 79, 91, 100, 189].map((code) => ({ kind: 'write-concern', code }) as const),
    { kind: 'cut', isExecuted: false },
    { kind: 'cut', isExecuted: true },
  ];
  const isRead = (command: string): boolean => command === 'find';

  it.each(faults)('%j is answered with 503 and a time to retry, in reads and writes', async (fault) => {
    const { vehicleId, deviceToken } = await untilNewVehicle();
    const requests: Readonly<Record<string, () => Promise<Answer>>> = {
      position: () => send(deviceToken, fix(1)),
      vehicle: () => call(service, 'GET', `/api/v1/vehicles/${vehicleId}`, { token: admin }),
      // Its first write is the audit log's, a bulk write of mongoose.
      credential: () =>
        call(service, 'POST', `/api/v1/vehicles/${vehicleId}/credentials`, { token: admin, body: {} }),
    };
    for (const [name, request] of Object.entries(requests)) {
      for (const reads of fault.kind === 'write-concern' ? [false] : [true, false]) {
        if (name === 'vehicle' && !reads) continue;
        set.inject = (command) => (isRead(command) === reads ? fault : undefined);
        const { status, headers, body } = await request();
        expect([name, reads, status, body.code]).toEqual([name, reads, 503, 'storage/unavailable']);
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
        set.inject = () => undefined;
      }
      await untilServed(request);
    }
  });

  async function untilNewVehicle(): ReturnType<typeof newVehicle> {
    await untilServed(() => call(service, 'GET', '/api/v1/vehicles', { token: admin }));
    return newVehicle(service, admin);
  }
});

describe('primaries that change while devices send', () => {
  const DEVICES = 4;
  const FIXES = 25;
  /** One in a row for each write that is hit. */
  const FAULTS: readonly Fault[] = [
    { kind: 'error', code: 10107, isExecuted: false },
    { kind: 'error', code: 11602, isExecuted: true },
    { kind: 'error', code: 189, isExecuted: true },
    { kind: 'cut', isExecuted: false },
    { kind: 'cut', isExecuted: true },
    { kind: 'write-concern', code: 64 },
    { kind: 'write-concern', code: 91 },
    { kind: 'write-concern', code: 189 },
  ];

  it('loses and doubles nothing: callers get only 503, and verdicts are those of a quiet database', async () => {
    const devices = await Promise.all(Array.from({ length: DEVICES }, () => newVehicle(service, admin)));
    let writes = 0;
    set.inject = (command) => {
      if (command === 'find') return undefined;
      writes += 1;
      if (writes % 3 !== 0) return undefined;
      const fault = FAULTS[(writes / 3) % FAULTS.length];
      // An error of a primary that steps down comes with the change itself.
      if (fault?.kind === 'error' && writes % 2 === 0) set.stepDown(100);
      return fault;
    };
    /** A repetition of a position that is stored is a duplicate: the first answer may have been lost. */
    const expected = new Set(['stored', 'duplicate']);
    await Promise.all(
      devices.map(async ({ deviceToken }) => {
        for (let n = 0; n < FIXES; n += 1) {
          const { status, body } = await untilServed(() => send(deviceToken, fix(n)));
          expect([status, body.results?.length]).toEqual([200, 1]);
          expect(expected).toContain(body.results[0].verdict);
        }
        // The time of a stored fix at another place, and a jump: the context of the verdicts is complete.
        const conflict = { ...fix(3), lat: 49 };
        const jump = { ...fix(FIXES), lat: 10 };
        const judged = await untilServed(() => send(deviceToken, conflict, jump));
        expect(judged.body.results.map((each: { code?: string }) => each.code)).toEqual([
          'time_conflict',
          'jump',
        ]);
      }),
    );
    set.inject = () => undefined;
    expect(set.stepDowns).toBeGreaterThan(2);
    expect(set.repetitions).toBeGreaterThan(0);
    const stored = await storedTimes(database.url);
    for (const { vehicleId } of devices)
      expect(stored.get(vehicleId)).toEqual(
        Array.from({ length: FIXES }, (_, n) => (fix(n) as { time: string }).time),
      );
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ReportAnswer } from '../../src/core/index.js';
import { planTracks } from '../../src/tools/replay/plan.js';
import { readTracks } from '../../src/tools/replay/read-tracks.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

const TRACES = resolve(import.meta.dirname, '../../../shared/traces');
const hasTraces = existsSync(TRACES);
if (!hasTraces) console.warn(`SKIPPED: verdicts of recorded tracks; ${TRACES} is not there`);
if (!hasTraces && process.env['CI'] === 'true')
  throw new Error('CI needs the recorded tracks beside the clone');

/** Verdict, and the code of a quarantine -> how many positions. */
type Counts = Record<string, number>;
const BATCH = 100;
const expected = JSON.parse(
  readFileSync(new URL('./expected-verdicts.json', import.meta.url), 'utf8'),
) as Record<string, Counts>;

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

/** The README of the tracks describes their faults; these are the expected verdicts. */
(hasTraces ? describe : describe.skip)('recorded tracks, as recorded', () => {
  type Played = readonly [inBatches: Counts, oneByOne: Counts];
  // All at once: positions that wait at the same time share a write.
  let played: ReadonlyMap<string, Promise<Played>>;
  beforeAll(async () => {
    const token = await adminToken(service);
    played = new Map(Object.keys(expected).map((name) => [name, playTwice(name, token)]));
    await Promise.allSettled(played.values());
  });

  it.each(Object.keys(expected))('%s, in batches and one by one', async (name) => {
    const [inBatches, oneByOne] = (await played.get(name)) ?? [];
    expect(inBatches).toEqual(expected[name]);
    expect(oneByOne).toEqual(sentAgain(expected[name] ?? {}));
  });

  async function playTwice(name: string, token: string): Promise<Played> {
    const positions = await asRecorded(resolve(TRACES, `${name}.csv`));
    const inBatches = await playInBatches(await newVehicle(service, token), positions);
    // Sent one by one, the first jumps of a sequence get `quarantined` and the third releases them: the result is the same.
    const vehicle = await newVehicle(service, token);
    const device = await connectSocket(service.socketUrl, '/devices', vehicle.deviceToken);
    for (const position of positions)
      expect(await ask(device, 'position', position)).not.toHaveProperty('error');
    device.close();
    return [inBatches, await playInBatches(vehicle, positions)];
  }
});

async function asRecorded(path: string): Promise<unknown[]> {
  const { tracks } = await readTracks(path);
  const [drive] = planTracks(tracks, { plannedAtMs: 0, speed: 'max', vehicles: 1, isAsRecorded: true });
  return [...(drive?.fixes(0) ?? [])].map(({ position }) => position);
}

/** The verdicts when the same track is sent again. */
function sentAgain({ stored = 0, duplicate = 0, ...quarantined }: Counts): Counts {
  return { ...(stored + duplicate > 0 && { duplicate: stored + duplicate }), ...quarantined };
}

async function playInBatches(
  { deviceToken }: { deviceToken: string },
  positions: readonly unknown[],
): Promise<Counts> {
  const counts: Counts = {};
  for (let start = 0; start < positions.length; start += BATCH) {
    const body = { positions: positions.slice(start, start + BATCH) };
    const { results } = (await call(service, 'POST', '/api/v1/positions', { token: deviceToken, body }))
      .body as ReportAnswer;
    for (const { verdict, code } of results) {
      const words = code === undefined ? verdict : `${verdict} ${code}`;
      counts[words] = (counts[words] ?? 0) + 1;
    }
  }
  return counts;
}

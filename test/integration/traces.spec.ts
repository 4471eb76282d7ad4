import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ReportAnswer } from '../../src/core/index.js';
import { planTracks } from '../../src/tools/replay/plan.js';
import { readTracks } from '../../src/tools/replay/read-tracks.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { startTestService, type TestService } from '../support/test-service.js';

const TRACES = resolve(import.meta.dirname, '../../../shared/traces');
const hasTraces = existsSync(TRACES);
if (!hasTraces) console.warn(`SKIPPED: verdicts of recorded tracks; ${TRACES} is not there`);
if (!hasTraces && process.env['CI'] === 'true')
  throw new Error('CI needs the recorded tracks beside the clone');

const expected = JSON.parse(
  readFileSync(new URL('./expected-verdicts.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, number>>;

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

/** The README of the tracks describes their faults; these are the expected verdicts. */
(hasTraces ? describe : describe.skip)('recorded tracks, as recorded', () => {
  it.each(Object.keys(expected))('%s, in batches and one by one', async (name) => {
    const positions = await asRecorded(resolve(TRACES, `${name}.csv`));
    const token = await adminToken(service);
    expect(await play(await newVehicle(service, token), positions, 100)).toEqual(expected[name]);

    // Sent one by one, the first jumps of a sequence get `quarantined` and the third releases them: the result is the same.
    const vehicle = await newVehicle(service, token);
    await play(vehicle, positions, 1);
    expect(await play(vehicle, positions, 100)).toEqual(sentAgain(expected[name] ?? {}));
  });
});

async function asRecorded(path: string): Promise<unknown[]> {
  const { tracks } = await readTracks(path);
  const [drive] = planTracks(tracks, { plannedAtMs: 0, speed: 'max', vehicles: 1, isAsRecorded: true });
  return [...(drive?.fixes(0) ?? [])].map(({ position }) => position);
}

/** The verdicts when the same track is sent again. */
function sentAgain({
  stored = 0,
  duplicate = 0,
  ...quarantined
}: Record<string, number>): Record<string, number> {
  return { ...(stored + duplicate > 0 && { duplicate: stored + duplicate }), ...quarantined };
}

async function play(
  { deviceToken }: { deviceToken: string },
  positions: readonly unknown[],
  batch: number,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let start = 0; start < positions.length; start += batch) {
    const body = { positions: positions.slice(start, start + batch) };
    const { results } = (await call(service, 'POST', '/api/v1/positions', { token: deviceToken, body }))
      .body as ReportAnswer;
    for (const { verdict, code } of results) {
      const words = code === undefined ? verdict : `${verdict} ${code}`;
      counts[words] = (counts[words] ?? 0) + 1;
    }
  }
  return counts;
}

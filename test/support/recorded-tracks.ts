import { expect } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ReportAnswer } from '../../src/core/index.js';
import { planTracks } from '../../src/tools/replay/plan.js';
import { readTracks } from '../../src/tools/replay/read-tracks.js';
import { adminToken, call, newVehicle } from './http.js';
import { ask, connectSocket } from './sockets.js';
import type { Instance } from './test-service.js';

const TRACES = resolve(import.meta.dirname, '../../../shared/traces');
export const hasTraces = existsSync(TRACES);
if (!hasTraces) console.warn(`SKIPPED: verdicts of recorded tracks; ${TRACES} is missing`);
if (!hasTraces && process.env['CI'] === 'true')
  throw new Error('CI needs the recorded tracks beside the clone');

/** Verdict, with the code of a quarantine -> number of positions. */
type Counts = Record<string, number>;
const BATCH = 100;
/** Expected verdicts of each track. The README of the tracks describes their faults. */
const expected = JSON.parse(
  readFileSync(new URL('../integration/expected-verdicts.json', import.meta.url), 'utf8'),
) as Record<string, Counts>;

/** Name -> number of positions. */
export const TRACKS: ReadonlyMap<string, number> = new Map(
  Object.entries(expected).map(([name, counts]) => [name, Object.values(counts).reduce((sum, n) => sum + n)]),
);

export async function expectVerdictsInBatches(service: Instance, name: string): Promise<void> {
  const { deviceToken } = await newVehicle(service, await adminToken(service));
  expect(await sendInBatches(service, deviceToken, await positionsOf(name))).toEqual(expected[name]);
}

/**
 * Sent one by one, the first positions of a sequence of jumps are `quarantined`, and the third one releases them. Sent
 * again, the track gets the same verdicts as in batches.
 */
export async function expectVerdictsOneByOne(service: Instance, name: string): Promise<void> {
  const { deviceToken } = await newVehicle(service, await adminToken(service));
  const positions = await positionsOf(name);
  const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
  for (const position of positions)
    expect(await ask(device, 'position', position)).not.toHaveProperty('error');
  device.close();
  const { stored = 0, duplicate = 0, ...quarantined } = expected[name] ?? {};
  expect(await sendInBatches(service, deviceToken, positions)).toEqual({
    ...(stored + duplicate > 0 && { duplicate: stored + duplicate }),
    ...quarantined,
  });
}

export async function positionsOf(name: string): Promise<unknown[]> {
  const { tracks } = await readTracks(resolve(TRACES, `${name}.csv`));
  const [drive] = planTracks(tracks, { speed: 'max', vehicles: 1, isAsRecorded: true });
  return [...(drive?.fixes(0) ?? [])].map(({ position }) => position);
}

async function sendInBatches(
  service: Instance,
  deviceToken: string,
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

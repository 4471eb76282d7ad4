import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommandLine } from '../../src/core/commands/index.js';
import { replayCommand } from '../../src/tools/replay/index.js';
import type { RunReport } from '../../src/tools/replay/report.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ADMIN, type Instance, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let token: string;
let folder: string;
beforeAll(async () => {
  service = await startTestService();
  token = await adminToken(service);
  folder = await mkdtemp(join(tmpdir(), 'samserver-export-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await service.stop();
});

const startMs = Date.now() - 3_600_000;
const at = (ms: number): string => new Date(startMs + ms).toISOString();
/** Every field, with the values that the formats can lose. */
const POSITIONS = [
  { lat: 0.1, lon: 180, time: at(0), headingDeg: 360, speedMps: 0, accuracyM: 0, batteryPct: 0 },
  { lat: 0.100_000_000_000_1, lon: -180, time: at(1), headingDeg: 0, ignition: false, altitudeM: -999.5 },
  { lat: 0.100_01, lon: -179.999_99, time: at(1_234), ignition: true, speedMps: 1.234_567_8e-17 },
  {
    lat: 0.1,
    lon: -179.999_9,
    time: at(400_000),
    accuracyM: 12.25,
    altitudeM: 0,
    batteryPct: 99.9,
    attributes: {
      text: `<&>"' ,;\r\n\t🚑 \u0001 \uFFFE ]]> &amp; \\u0026`,
      'a key with "quotes"': [1, null, true, { nested: '' }],
      number: 1e-7,
    },
  },
  { lat: 0.1, lon: -179.999_9, time: at(500_000), attributes: {} },
];

async function positionsOf(vehicleId: string): Promise<unknown[]> {
  const { body } = await call(service, 'GET', `/api/v1/vehicles/${vehicleId}/positions`, { token });
  return body.items.map(({ receivedAt: _receivedAt, ...measured }: { receivedAt: string }) => measured);
}

async function exportOf(vehicleId: string, format: string): Promise<string> {
  const path = `/api/v1/vehicles/${vehicleId}/positions?format=${format}`;
  return (await fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${token}` } })).text();
}

async function run(
  args: readonly string[],
  instance: Instance = service,
): Promise<{ code: number; text: string; warnings: string }> {
  let text = '';
  let warnings = '';
  const io = {
    env: { ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password },
    stdout: { write: (more: string) => (text += more) },
    stderr: { write: (more: string) => (warnings += more) },
    signal: new AbortController().signal,
  };
  const where = ['--url', instance.url, '--socket-url', instance.socketUrl];
  const code = await runCommandLine(['replay', ...args, '--json', ...where], io, [
    { name: 'replay', summary: '', load: () => Promise.resolve(replayCommand) },
  ]);
  return { code, text, warnings };
}

async function replay(...args: string[]): Promise<RunReport> {
  const { code, text, warnings } = await run(args);
  expect({ code, warnings }).toEqual({ code: 0, warnings: '' });
  return JSON.parse(text) as RunReport;
}

describe.each(['csv', 'gpx', 'geojson'])('an export as %s', (format) => {
  it('is played again as the same set of positions, with every field', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const answer = await call(service, 'POST', '/api/v1/positions', {
      token: deviceToken,
      body: { positions: POSITIONS },
    });
    expect(answer.body).toMatchObject({ stored: POSITIONS.length });
    const original = await positionsOf(vehicleId);
    expect(original).toEqual(POSITIONS);

    const file = join(folder, `track-${format}.${format}`);
    await writeFile(file, await exportOf(vehicleId, format));
    const [drive] = (await replay(file, '--as-recorded')).drives;
    expect(drive).toMatchObject({ sent: POSITIONS.length, stored: POSITIONS.length });
    expect(await positionsOf(String(drive?.vehicleId))).toEqual(original);

    // The second export is the same, so playing it again stores nothing.
    await writeFile(file, await exportOf(String(drive?.vehicleId), format));
    expect((await replay(file, '--as-recorded')).drives).toMatchObject([
      { stored: 0, duplicate: POSITIONS.length },
    ]);
  });
});

describe('the vehicles of a replay', () => {
  const SIMULATION = ['--vehicles', '2', '--duration', '5', '--speed', 'max'];
  /** Sorted here, because the list has the order of creation and a run creates its vehicles side by side. */
  const vehicles = async (): Promise<{ callSign: string; status: string }[]> =>
    (await call(service, 'GET', '/api/v1/vehicles?q=SIM-', { token })).body.items.sort(
      (a: { callSign: string }, b: { callSign: string }) => a.callSign.localeCompare(b.callSign),
    );

  it('are not offered as available after a run, are the same number after the next one, and are removed by --clean', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const { drives } = await replay(...SIMULATION);
    const path = `/api/v1/vehicles/nearest?lat=50&lon=10&status=available&limit=50`;
    const nearest = await call(service, 'GET', path, { token });
    const offered = nearest.body.items.map(({ vehicle }: { vehicle: { id: string } }) => vehicle.id);
    expect(drives.filter((drive) => offered.includes(drive.vehicleId))).toEqual([]);

    await replay(...SIMULATION);
    expect(await vehicles()).toMatchObject([
      { callSign: 'SIM-1', status: 'out_of_service' },
      { callSign: 'SIM-2', status: 'out_of_service' },
    ]);
    expect(await run(['--clean'])).toMatchObject({ code: 0 });
    expect(await vehicles()).toEqual([]);
    expect((await call(service, 'GET', `/api/v1/vehicles/${vehicleId}`, { token })).status).toBe(200);
  });

  it('are not made in a live service without --yes', async () => {
    const live = await service.another({ ENVIRONMENT: 'LIVE' });
    try {
      expect(await run(SIMULATION, live)).toMatchObject({
        code: 64,
        warnings: expect.stringContaining('add --yes'),
      });
      expect(await vehicles()).toEqual([]);
    } finally {
      await live.stop();
    }
  });
});

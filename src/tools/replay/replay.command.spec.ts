import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, type Socket } from 'socket.io';
import type { PositionInput, PositionResult } from '../../core/index.js';
import type { VehicleAnswer } from '../client/index.js';
import { registrationFor } from './call-signs.js';
import type { RunReport } from './report.js';
import { runCommandLine } from '../../core/commands/index.js';
import { replayCommand } from './replay.command.js';

/** The part of the service that a run uses, in memory. */
class FakeService {
  readonly vehicles: VehicleAnswer[] = [];
  isLive = false;
  readonly credentials = new Map<string, string>();
  readonly stored = new Map<string, string[]>();
  readonly revoked: string[] = [];
  readonly requests: string[] = [];
  isShowingLive = true;
  onPositions: () => void = () => undefined;
  /** Cuts the connection after storing this many requests, once. */
  cutAfter = Infinity;
  onStored: () => void = () => undefined;
  private vehicleCount = 0;
  private watchers: { socket: Socket; vehicleIds: string[] }[] = [];
  private readonly http: HttpServer;
  private readonly sockets: HttpServer;
  private readonly io: Server;

  constructor() {
    this.http = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const [status, answer] = this.answer(`${request.method} ${request.url}`, body);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(status === 204 ? undefined : JSON.stringify(answer));
      });
    });
    this.sockets = createServer();
    this.io = new Server(this.sockets);
    this.io.of('/devices').use((socket, next) => {
      const vehicleId = this.credentials.get(socket.handshake.auth.token);
      if (vehicleId === undefined)
        return next(Object.assign(new Error('unknown token'), { data: { code: 'auth/unknown' } }));
      socket.data.vehicleId = vehicleId;
      next();
    });
    this.io.of('/devices').on('connection', (socket) => {
      const receive = (positions: PositionInput[], acknowledge: (answer: unknown) => void): void => {
        this.onPositions();
        const results = positions.map((position, index) =>
          this.judge(socket.data.vehicleId, position, index),
        );
        this.cutAfter -= 1;
        if (this.cutAfter === 0) return void socket.conn.close();
        acknowledge({ results });
        this.onStored();
      };
      socket.on('position', (position: PositionInput, acknowledge: (answer: unknown) => void) =>
        receive([position], acknowledge),
      );
      socket.on(
        'positions',
        (batch: { positions: PositionInput[] }, acknowledge: (answer: unknown) => void) =>
          receive(batch.positions, acknowledge),
      );
    });
    this.io.of('/live').on('connection', (socket) => {
      socket.on('watch', (request: { vehicleIds: string[] }, acknowledge: (answer: unknown) => void) => {
        this.watchers = [{ socket, vehicleIds: request.vehicleIds }];
        acknowledge({ snapshot: [], cursor: '0' });
      });
    });
  }

  async start(): Promise<string[]> {
    await new Promise<void>((resolve) => this.http.listen(0, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => this.sockets.listen(0, '127.0.0.1', resolve));
    const [url, socketUrl] = [this.http, this.sockets].map(
      (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    );
    return ['--url', url!, '--socket-url', socketUrl!];
  }

  async stop(): Promise<void> {
    await this.io.close();
    this.http.closeAllConnections();
    this.http.close();
  }

  private answer(request: string, body: string): [number, unknown] {
    this.requests.push(request);
    const input = body === '' ? {} : JSON.parse(body);
    if (request === 'POST /api/v1/auth/login')
      return input.password === 'right'
        ? [200, { accessToken: 'user', refreshToken: 'r', expiresIn: 900 }]
        : [401, { code: 'auth/wrong-login', detail: 'no such login' }];
    if (request === 'POST /api/v1/vehicles') {
      if (input.callSign.length > 40 || input.registration.length > 20)
        return [400, { code: 'input/invalid', detail: 'too long' }];
      this.vehicleCount += 1;
      const vehicle = { id: `v${this.vehicleCount}`, status: 'available', lastPosition: null, ...input };
      this.vehicles.push(vehicle);
      return [201, vehicle];
    }
    if (request === 'GET /api/v1/auth/me') return [200, { isLive: this.isLive }];
    if (request.startsWith('GET /api/v1/vehicles?')) {
      const prefix = new URLSearchParams(request.split('?')[1]).get('q') ?? '';
      const items = this.vehicles.filter(
        ({ callSign, registration }) => callSign.startsWith(prefix) || registration.startsWith(prefix),
      );
      return [200, { items, nextCursor: null }];
    }
    const [, method, id] = /^(PATCH|DELETE) \/api\/v1\/vehicles\/(\w+)$/.exec(request) ?? [];
    const index = this.vehicles.findIndex((vehicle) => vehicle.id === id);
    const found = this.vehicles[index];
    if (method !== undefined && !found) return [404, { code: 'vehicles/not-found' }];
    if (method === 'PATCH' && found) return [200, (this.vehicles[index] = { ...found, ...input })];
    if (method === 'DELETE') {
      this.vehicles.splice(index, 1);
      return [204, undefined];
    }
    const [, vehicleId, credentialId] =
      /^\w+ \/api\/v1\/vehicles\/(\w+)\/credentials(?:\/(\w+))?$/.exec(request) ?? [];
    if (request.startsWith('DELETE') && credentialId !== undefined) {
      this.revoked.push(credentialId);
      return [204, undefined];
    }
    if (vehicleId === undefined) return [404, { code: 'http/404' }];
    const credential = `c${this.credentials.size + 1}`;
    this.credentials.set(`${credential}.secret-token`, vehicleId);
    return [201, { id: credential, token: `${credential}.secret-token` }];
  }

  private judge(vehicleId: string, position: PositionInput, index: number): PositionResult {
    if (position.lat > 90) return { index, verdict: 'rejected', code: 'lat' };
    if (position.lat === 0) return { index, verdict: 'quarantined', code: 'null_island' };
    const known = this.stored.get(vehicleId) ?? [];
    this.stored.set(vehicleId, known);
    if (known.includes(position.time)) return { index, verdict: 'duplicate' };
    const isLate = known.some((time) => time > position.time);
    known.push(position.time);
    const item = { vehicleId, position: { ...position, receivedAt: position.time }, late: isLate };
    const at = this.vehicles.findIndex(({ id }) => id === vehicleId);
    const vehicle = this.vehicles[at];
    if (vehicle && !isLate) this.vehicles[at] = { ...vehicle, lastPosition: item.position };
    for (const { socket, vehicleIds } of this.isShowingLive ? this.watchers : [])
      if (vehicleIds.includes(vehicleId)) socket.emit('positions', { cursor: position.time, items: [item] });
    return { index, verdict: 'stored', ...(isLate && { late: true as const }) };
  }
}

class Captured {
  text = '';
  readonly isTTY?: boolean;
  readonly columns = 80;
  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }
  write(text: string): void {
    this.text += text;
  }
}

const LOGIN = { ADMIN_EMAIL: 'admin@x', ADMIN_PASSWORD: 'right' };
const A_CSV = [
  'fix_time,lat,lon,accuracy_m',
  ...Array.from({ length: 300 }, (_, i) => `${new Date(1.6e12 + i * 1000).toISOString()},48,${i / 1e4},5`),
  `${new Date(1.6e12 + 5500).toISOString()},48,0.1,5`,
  `${new Date(1.6e12 + 5000).toISOString()},48,0.0005,5`,
  `${new Date(1.6e12 + 300_000).toISOString()},95,0.1,5`,
  `${new Date(1.6e12 + 301_000).toISOString()},0,0,5`,
].join('\n');

describe('samserver replay', () => {
  let service: FakeService;
  let where: string[];
  let folder: string;

  beforeEach(async () => {
    service = new FakeService();
    where = await service.start();
    folder = await mkdtemp(join(tmpdir(), 'replay-run-'));
    await writeFile(join(folder, 'a.csv'), A_CSV);
  });
  afterEach(async () => {
    await service.stop();
    await rm(folder, { recursive: true });
  });

  async function run(
    argv: string[],
    options: { env?: Record<string, string>; signal?: AbortSignal; isTTY?: boolean } = {},
  ) {
    const stdout = new Captured(options.isTTY);
    const stderr = new Captured();
    const signal = options.signal ?? new AbortController().signal;
    const code = await runCommandLine(
      ['replay', ...where, ...argv],
      { env: options.env ?? LOGIN, stdout, stderr, signal },
      [{ name: 'replay', summary: '', load: () => Promise.resolve(replayCommand) }],
    );
    expect(stdout.text + stderr.text).not.toMatch(/right|secret-token/);
    return { code, out: stdout.text, err: stderr.text, report: () => JSON.parse(stdout.text) as RunReport };
  }

  it('plays a folder, counts every verdict, and prints a table', async () => {
    await writeFile(join(folder, 'notes.txt'), '');
    const { code, out, err } = await run([folder]);
    expect(code).toBe(0);
    expect(err).toBe('left out, no track files: notes.txt\n');
    expect(out).toMatch(/^track +call sign +sent +stored/);
    expect(out).toMatch(/\na +RPL-1 +304 +301 +1 +1 \(null_island 1\) +1 \(lat 1\) +0 +1 +301\n/);
    expect(out).toMatch(
      /acknowledgement: p50 [\d.]+ ms, p95 [\d.]+ ms, p99 [\d.]+ ms, max [\d.]+ ms \(\d+ requests\)/,
    );
    expect(service.revoked).toEqual(['c1']);
    const newest = [...service.stored.values()].flat().sort().at(-1)!;
    expect(Math.abs(Date.now() - Date.parse(newest))).toBeLessThan(10_000);
  });

  it('as recorded, a second run yields only duplicates on the same vehicle', async () => {
    const first = await run([folder, '--as-recorded', '--json', '--vehicles', '2']);
    const second = await run([folder, '--as-recorded', '--json', '--vehicles', '2']);
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(first.report().drives.map((drive) => drive.callSign)).toEqual(['REC-A', 'REC-A-V2']);
    expect(first.report().totals).toMatchObject({ sent: 608, stored: 602, duplicate: 2, seenLive: 602 });
    expect(second.report().totals).toMatchObject({ sent: 608, stored: 0, duplicate: 604, seenLive: 0 });
    expect(service.vehicles).toHaveLength(2);
    expect(service.stored.get('v1')![0]).toBe(new Date(1.6e12).toISOString());
  });

  it('loses nothing when the connection is cut after a batch was stored', async () => {
    service.cutAfter = 3;
    const { code, report } = await run([folder, '--json', '--batch', '50']);
    const { totals, resends } = report();
    expect(code).toBe(0);
    expect(resends).toBe(50);
    expect(totals).toMatchObject({ sent: 304, stored: 251, duplicate: 51, seenLive: 301, notSeenLive: 0 });
    expect(service.stored.get('v1')).toHaveLength(301);
  });

  it('reports fixes that were not seen live', async () => {
    service.isShowingLive = false;
    const { code, report } = await run([folder, '--json']);
    expect(code).toBe(1);
    expect(report().totals).toMatchObject({ stored: 301, seenLive: 0, notSeenLive: 301 });
  });

  it('stops at an interruption, with the acknowledgements and the table', async () => {
    const controller = new AbortController();
    // Not before the first fix: on a busy machine there would be nothing to report.
    service.onPositions = () => setTimeout(() => controller.abort(), 100);
    const { code, report } = await run(['--json', '--vehicles', '20', '--rate', '10', '--duration', '600'], {
      signal: controller.signal,
    });
    expect(code).toBe(130);
    const { totals, isInterrupted } = report();
    expect(isInterrupted).toBe(true);
    expect(totals.sent).toBeGreaterThan(0);
    expect(totals.stored).toBe(totals.sent);
    expect(totals.seenLive).toBe(totals.stored);
    expect(service.revoked).toHaveLength(20);
  });

  it('drives a simulation in real time and shows one block on a terminal', async () => {
    const { code, out } = await run(['--vehicles', '2', '--rate', '10', '--duration', '0.8'], {
      isTTY: true,
    });
    expect(code).toBe(0);
    expect(out).toContain('ambulance 2');
    expect(out).toMatch(/\[#+\.*\] [1-8]\/8/);
    expect(out).toContain('\u001b[3A\u001b[J');
    expect(out).toMatch(/\ntotal +16 +16 +0 +0 +0 +0 +0 +16\n/);
  });

  it('sets its vehicles out of service, and uses them again at the next run', async () => {
    const simulate = ['--vehicles', '2', '--rate', '10', '--duration', '0.5', '--json'];
    const first = (await run(simulate)).report();
    expect(first.drives.map(({ callSign }) => callSign)).toEqual(['SIM-1', 'SIM-2']);
    expect(service.vehicles.map(({ status }) => status)).toEqual(['out_of_service', 'out_of_service']);
    // As if an hour had passed: the ambulances can have driven to the start of the next run.
    for (const [index, vehicle] of service.vehicles.entries())
      service.vehicles[index] = {
        ...vehicle,
        lastPosition: { lat: 0, lon: 0, time: new Date(0).toISOString(), receivedAt: '' },
      };
    const second = (await run(simulate)).report();
    const idsOf = (report: RunReport) => report.drives.map(({ vehicleId }) => vehicleId);
    expect(idsOf(second)).toEqual(idsOf(first));
    expect(service.vehicles).toHaveLength(2);
  });

  it('archives the vehicle of an earlier run whose positions would mix with the new ones', async () => {
    const first = (await run([folder, '--json'])).report();
    const second = (await run([folder, '--json'])).report();
    expect(second.drives[0]?.callSign).toBe(first.drives[0]?.callSign);
    expect(second.drives[0]?.vehicleId).not.toBe(first.drives[0]?.vehicleId);
    expect(second.totals).toMatchObject({ stored: 301, quarantined: { null_island: 1 } });
    expect(service.vehicles).toHaveLength(1);
  });

  it('uses no vehicle of another run and none that replay did not make, and --clean archives only its own', async () => {
    const named = (callSign: string, registration: string, status: string): VehicleAnswer => ({
      ...{ id: `x${callSign.at(-1)}`, callSign, registration, type: 'als', status, lastPosition: null },
    });
    const real = named('RPL-1', 'M-RK 1', 'out_of_service');
    const inUse = named('RPL-2', registrationFor('RPL-2'), 'available');
    const alike = named('RPL-4', 'REPLAY-4', 'out_of_service');
    service.vehicles.push(real, inUse, alike);
    const { drives } = (await run([folder, '--json', '--vehicles', '2'])).report();
    expect(drives.map(({ callSign }) => callSign)).toEqual(['RPL-3', 'RPL-5']);
    expect(await run(['--clean'])).toMatchObject({ code: 0, out: '3 vehicles of replay were archived\n' });
    expect(service.vehicles).toEqual([real, alike]);
    expect(await run([folder, '--clean'])).toMatchObject({ code: 64 });
  });

  it('does not play to a vehicle with the call sign of a recording that replay did not make', async () => {
    const real = { callSign: 'REC-A', registration: 'M-RK 1', type: 'als', status: 'available' };
    service.vehicles.push({ id: 'real', lastPosition: null, ...real });
    const { code, err } = await run([folder, '--as-recorded']);
    expect(code).toBe(64);
    expect(err).toContain('REC-A is a vehicle that replay did not make');
    expect(service.stored.size).toBe(0);
  });

  it('refuses a live service without --yes', async () => {
    service.isLive = true;
    const { code, err } = await run([folder]);
    expect(code).toBe(64);
    expect(err).toMatch(/is a live service .*add --yes/);
    expect(service.vehicles).toEqual([]);
    expect((await run([folder, '--yes'])).code).toBe(0);
  });

  it('names each malformed point and plays the others', async () => {
    const times = Array.from({ length: 30 }, (_, i) => new Date(1.6e12 + i * 1000).toISOString());
    const rows = times.map((time, i) => `${i < 25 ? '2016-12-31T23:59:60Z' : time},48,0.1`);
    await writeFile(join(folder, 'a.csv'), ['time,lat,lon', ...rows].join('\n'));
    const { code, err, report } = await run([folder, '--json']);
    expect(code).toBe(0);
    expect(report().totals).toMatchObject({ sent: 5, stored: 5 });
    const lines = err.trim().split('\n');
    expect(lines[0]).toBe('a.csv: 25 of 30 points are malformed and are not sent:');
    expect(lines[1]).toBe('a.csv: line 2: column time: "2016-12-31T23:59:60Z" is not a time');
    expect(lines.slice(20)).toEqual([expect.stringContaining('a.csv: line 21: '), 'a.csv: and 5 more']);
  });

  it('gives up on a service that does not acknowledge', async () => {
    service.onStored = () => (service.cutAfter = 1);
    const { code, report } = await run([folder, '--json', '--batch', '1', '--patience', '1']).finally(() => {
      service.onStored = () => undefined;
    });
    // Each connection stores one and is cut at the next: a reconnect takes over a second, longer than the patience.
    expect(code).toBe(1);
    expect(report().totals.notSent).toBeGreaterThan(0);
    expect(report().totals.unacknowledged['client/closed']).toBeGreaterThan(0);
  });

  it('names the command that starts the service when no service answers', async () => {
    await service.stop();
    const { code, err } = await run([folder]);
    expect(code).toBe(69);
    expect(err).toContain('npm start');
    service = new FakeService();
    where = await service.start();
  });

  it('distinguishes a wrong login, wrong usage and faulty files', async () => {
    expect(await run([folder, '--password', 'wrong'])).toMatchObject({
      code: 1,
      err: '401 auth/wrong-login: no such login\n',
    });
    expect(await run([folder, '--speed', 'x'])).toMatchObject({ code: 64 });
    expect(await run([folder], { env: { DATA_DIR: folder } })).toMatchObject({ code: 64 });
    await writeFile(join(folder, 'b.csv'), 'lat\n');
    expect(await run([folder])).toMatchObject({
      code: 64,
      err: 'b.csv: line 1: column fix_time or time, lon is missing\n',
    });
    expect(service.vehicles).toHaveLength(0);
    expect(await run(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('--as-recorded') });
  });
});

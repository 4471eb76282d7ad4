import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  freePorts,
  type Ports,
  Program,
  startDatabase,
  startProcess,
  statusOf,
  temporaryDirectory,
} from '../support/child-process.js';
import { type FleetVehicle, makeFleet, SendingDevice } from '../support/fleet.js';
import { call } from '../support/http.js';
import { until } from '../support/sockets.js';
import { storedTimes } from '../support/stored-positions.js';
import { type SwitchProxy, switchProxy } from '../support/switch-proxy.js';

const SOCKETS = 200;
const CALLERS = 50;
const ADMIN = { email: 'admin@example.org', password: 'correct horse battery' };
const OPS_TOKEN = 'an-ops-token-that-is-long-enough-for-tests';
const ENV = {
  ADMIN_EMAIL: ADMIN.email,
  ADMIN_PASSWORD: ADMIN.password,
  OPS_TOKEN,
  JWT_SECRET: 'a test secret that is long enough for HS256',
  SCHEMA_ON_START: 'up',
};

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

interface Instance {
  readonly program: Program;
  readonly ports: Ports;
  readonly url: string;
}

async function startInstance(databaseUrl: string, color: string): Promise<Instance> {
  const ports = await freePorts();
  const program = await startProcess(ports, { ...ENV, MONGODB_URL: databaseUrl, RELEASE_COLOR: color });
  return { program, ports, url: `http://127.0.0.1:${ports.http}` };
}

async function socketsOf({ url }: Instance): Promise<number> {
  const { body } = await call({ url }, 'GET', '/ready', { token: OPS_TOKEN });
  return body.drain.sockets as number;
}

/** Reports positions over HTTP in a loop, each once, and collects all failures. */
class Caller {
  readonly stored: string[] = [];
  readonly failures: string[] = [];
  private isStopped = false;
  private readonly done: Promise<void>;
  private n = 0;

  constructor(
    readonly url: string,
    readonly vehicle: FleetVehicle,
  ) {
    this.done = this.run();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.done;
  }

  private async run(): Promise<void> {
    const startMs = Date.now() - 7_200_000;
    while (!this.isStopped) {
      const time = new Date(startMs + this.n * 1_000).toISOString();
      this.n += 1;
      try {
        const position = { lat: 50 + this.n * 1e-5, lon: 10, time };
        const body = { positions: [position] };
        const answer = await call(this, 'POST', '/api/v1/positions', { token: this.vehicle.token, body });
        if (answer.body.stored === 1) this.stored.push(time);
        else this.failures.push(`${answer.status} ${JSON.stringify(answer.body)}`);
      } catch (error) {
        this.failures.push(String((error as Error).cause ?? error));
      }
      await sleep(100 + Math.random() * 100);
    }
  }
}

describe('under load', () => {
  const drainTriggers = {
    'a drain by SIGTERM': (blue: Instance) => void blue.program.child.kill('SIGTERM'),
    'a handover': async (blue: Instance) => {
      const body = { withinS: 3 };
      const answer = await call(blue, 'POST', '/api/v1/ops/handover', { token: OPS_TOKEN, body });
      expect(answer.status).toBe(202);
    },
  };

  it.each(Object.entries(drainTriggers))(
    '%s loses nothing, fails no request, and moves all sockets to the other instance',
    async (name, begin) => {
      const { program: database, url: databaseUrl } = await startDatabase(join(directory.path, 'db'));
      const blue = await startInstance(databaseUrl, 'blue');
      const green = await startInstance(databaseUrl, 'green');
      const socketProxy = await switchProxy(blue.ports.socket);
      const httpProxy = await switchProxy(blue.ports.http);
      const { vehicles } = await makeFleet(blue.url, ADMIN, SOCKETS + CALLERS, 'L');
      const url = `http://127.0.0.1:${socketProxy.port}`;
      const devices = vehicles.slice(0, SOCKETS).map((vehicle) => new SendingDevice(url, vehicle, 500));
      const callers = vehicles
        .slice(SOCKETS)
        .map((vehicle) => new Caller(`http://127.0.0.1:${httpProxy.port}`, vehicle));
      await until(() => devices.every(({ acknowledged }) => acknowledged.size > 2), 'the load');

      // A load balancer does this when /ready is not 200, or when a shift changes the weight.
      for (const [proxy, port] of [
        [socketProxy, green.ports.socket],
        [httpProxy, green.ports.http],
      ] as [SwitchProxy, number][])
        proxy.to(port);
      const beganMs = performance.now();
      await begin(blue);
      await until(async () => (await socketsOf(green)) === SOCKETS, 'all sockets at the other instance');
      const tookS = (performance.now() - beganMs) / 1_000;
      if (name === 'a handover') {
        expect((await call(blue, 'GET', '/ready')).status).toBe(200);
        blue.program.child.kill('SIGTERM');
      }
      expect(await blue.program.exited).toEqual({ code: 0, signal: null });
      await sleep(1_000);

      await Promise.all(callers.map((caller) => caller.stop()));
      const ends = await Promise.all(devices.map((device) => device.stop()));
      expect(ends.every(({ unacknowledged }) => unacknowledged === 0)).toBe(true);
      expect(callers.flatMap(({ failures }) => failures)).toEqual([]);
      expect(devices.flatMap(({ refused }) => refused)).toEqual([]);
      expect(await green.program.kill('SIGTERM')).toEqual({ code: 0, signal: null });

      const stored = await storedTimes(databaseUrl);
      for (const { vehicle, acknowledged } of devices)
        expect(stored.get(vehicle.vehicleId)).toEqual([...acknowledged.keys()].sort());
      for (const { vehicle, stored: acknowledged } of callers)
        expect(stored.get(vehicle.vehicleId)).toEqual(acknowledged);
      const fixes = devices.reduce((sum, device) => sum + device.sent, 0);
      const calls = callers.reduce((sum, caller) => sum + caller.stored.length, 0);
      const resends = devices.reduce((sum, device) => sum + device.resends, 0);
      console.info(
        `${name}: ${SOCKETS} sockets at the other instance after ${tookS.toFixed(1)} s; ` +
          `${fixes} fixes (${resends} sent again) and ${calls} requests, all stored, no request failed`,
      );
      await Promise.all([socketProxy.close(), httpProxy.close(), database.kill('SIGTERM')]);
    },
    120_000,
  );
});

describe('as process 1', () => {
  const isPossible = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;
  const MISSING = 'SKIPPED: unshare (util-linux, as root) is missing; not tested as process 1';
  if (!isPossible && process.env['CI'] !== 'true') console.warn(MISSING);

  (isPossible || process.env['CI'] === 'true' ? it : it.skip)(
    'shuts down with exit code 0 at SIGTERM, also during its start',
    async () => {
      if (!isPossible) throw new Error(MISSING);
      for (const afterMs of [300, 1_200, 1_600, null]) {
        const ports = await freePorts();
        const unshare = spawn(
          'unshare',
          [
            '--pid',
            '--fork',
            '--mount-proc',
            '--kill-child',
            process.execPath,
            resolve(import.meta.dirname, '../../dist/main.js'),
          ],
          {
            env: {
              PATH: process.env['PATH'],
              DATA_DIR: join(directory.path, String(afterMs)),
              HTTP_PORT: String(ports.http),
              SOCKET_SERVER_PORT: String(ports.socket),
            },
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        );
        let output = '';
        unshare.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
        const exit = once(unshare, 'exit');
        const child = (): string =>
          readFileSync(`/proc/${unshare.pid}/task/${unshare.pid}/children`, 'utf8').trim();
        await until(() => child() !== '', 'the process');
        if (afterMs === null) await until(() => /is ready/.test(output), 'the start');
        else await sleep(afterMs);
        process.kill(Number(child()), 'SIGTERM');
        expect([afterMs, ...((await exit) as unknown[])]).toEqual([afterMs, 0, null]);
      }
    },
    90_000,
  );
});

describe('a process with a blocked event loop', () => {
  it('is ended by the watchdog, with the reason on stderr', async () => {
    const program = Program.start('../test/support/stuck-process.mjs', ['2000'], {});
    await program.waitForOutput(/stuck/);
    expect(await program.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(program.output).toContain('the event loop has not turned for 2 s');
  });

  it('is ended by the watchdog when stderr is full', async () => {
    const program = Program.start('../test/support/stuck-process.mjs', ['2000', 'full'], {});
    program.child.stderr?.pause();
    await program.waitForOutput(/stuck/);
    expect(await program.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('is not ended when the whole process was stopped for longer than the limit', async () => {
    const ports = await freePorts();
    const program = await startProcess(ports, { DATA_DIR: directory.path });
    program.child.kill('SIGSTOP');
    await sleep(3_000);
    program.child.kill('SIGCONT');
    await until(async () => (await statusOf(`http://127.0.0.1:${ports.http}/health`)) === 200);
    expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});

describe('a request body that never ends', () => {
  it.each(['http', 'socket'] as const)('does not hold the shutdown on the %s port', async (port) => {
    const ports = await freePorts();
    const program = await startProcess(ports, { DATA_DIR: directory.path, OPS_TOKEN });
    const client = connect(ports[port], '127.0.0.1').on('error', () => undefined);
    client.write(
      'POST /api/crash/postAmbulanceCrashNotify HTTP/1.1\r\nHost: x\r\n' +
        'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    );
    await until(async () => (await inFlight(`http://127.0.0.1:${ports.http}`)) > 0, 'the request to arrive');
    expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    client.destroy();
  });

  async function inFlight(url: string): Promise<number> {
    const answer = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${OPS_TOKEN}` } });
    return Number(/^samserver_in_flight_bytes (\d+)/m.exec(await answer.text())?.[1] ?? 0);
  }
});

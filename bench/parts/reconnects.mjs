/**
 * The reconnect of a whole fleet: `--count` device sockets are cut in one instant and reconnect within `--within` seconds.
 * `/health` is asked meanwhile from a process without other work, so that its latency is that of the service.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setInterval } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openNamespace } from '../support/client-kinds.mjs';
import { makeFleet } from '../support/fleet.mjs';
import { at, round, sortedNumbers } from '../support/statistics.mjs';
import { Table } from '../support/table.mjs';
import { cpuSeconds, rssMb } from '../support/usage.mjs';

const VEHICLES = 200;
const PROBE_EVERY_MS = 20;
const RETRY_MS = 1_000;
const CUT_SETTLES_MS = 3_000;
const GIVE_UP_MS = 60_000;
const PROBE = '--probe';

if (process.argv[2] === PROBE) probe(Number(process.argv[3]));

export const about = {
  title: 'Reconnects',
  text: `All devices are cut in one instant and connect again, spread evenly over the time. \`/health\` is asked every ${PROBE_EVERY_MS} ms.`,
};

export async function run({ programs, revisions, values, progress }) {
  const count = Number(values.count ?? 500);
  const withinMs = Number(values.within ?? 10) * 1_000;
  const table = new Table({
    title: `${count.toLocaleString('en-US')} devices within ${withinMs / 1_000} s`,
    metrics: [
      { name: 'back', title: 'back', digits: 0 },
      { name: 'tookS', title: 'after s', digits: 2 },
      { name: 'refused', title: 'failed attempts', digits: 0 },
      { name: 'lockedOut', title: 'locked out', digits: 0 },
      { name: 'joinP50Ms', title: 'to joined, p50 ms', digits: 0 },
      { name: 'joinP99Ms', title: 'p99 ms', digits: 0 },
      { name: 'healthP50Ms', title: '/health p50 ms', digits: 1 },
      { name: 'healthP99Ms', title: 'p99 ms', digits: 1 },
      { name: 'healthAtCutMs', title: 'longest at the cut, ms', digits: 1 },
      { name: 'memoryMb', title: 'memory, MB', digits: 0 },
      { name: 'servicePct', title: 'service CPU, % of a core', digits: 0 },
    ],
  });
  for (const { name, root } of revisions) {
    progress(`${name}: reconnecting ${count} devices`);
    const service = await programs.startService({ root });
    const values = await measure(service, count, withinMs);
    table.add('reconnects', name, values);
    if (values.back < count || values.lockedOut > 0) process.exitCode = 1;
    await programs.stop(service.child);
  }
  return [table];
}

async function measure({ pid, http, socket, url }, count, withinMs) {
  const { vehicles } = await makeFleet(url, VEHICLES);
  const devices = Array.from({ length: count }, (_, n) => new Device(socket, vehicles[n % VEHICLES].token));
  await reconnectAll(devices, withinMs);
  await sleep(1_000);
  const prober = fork(fileURLToPath(import.meta.url), [PROBE, String(http)]);
  await once(prober, 'message');
  const probed = async () => {
    prober.send('report');
    return (await once(prober, 'message'))[0];
  };
  // The simultaneous cut and the reconnects are measured separately.
  for (const device of devices) device.cut();
  await sleep(CUT_SETTLES_MS);
  const atCut = await probed();
  const cpuBeforeS = cpuSeconds(pid);
  const beganMs = performance.now();
  await reconnectAll(devices, withinMs);
  const tookS = (performance.now() - beganMs) / 1_000;
  const health = await probed();
  prober.disconnect();
  const joinMs = sortedNumbers(devices.map((device) => device.waitedMs));
  const result = {
    back: devices.filter((device) => device.isReconnected).length,
    tookS: round(tookS, 2),
    refused: devices.reduce((sum, device) => sum + device.refused, 0),
    lockedOut: devices.filter((device) => device.rejection !== null).length,
    joinP50Ms: round(at(joinMs, 0.5)),
    joinP99Ms: round(at(joinMs, 0.99)),
    healthP50Ms: health.p50,
    healthP99Ms: health.p99,
    healthAtCutMs: atCut.max,
    memoryMb: rssMb(pid),
    servicePct: ((cpuSeconds(pid) - cpuBeforeS) / tookS) * 100,
  };
  for (const device of devices) device.end();
  return result;
}

/** One socket in `/devices` that is cut and reconnects. It retries like the client SDK. */
class Device {
  isReconnected = false;
  refused = 0;
  rejection = null;
  waitedMs = 0;
  #hasEnded = false;

  constructor(port, token) {
    this.port = port;
    this.token = token;
  }

  /** Resolves when the socket has joined the namespace, or when a final refusal forbids a retry. */
  async join() {
    const beganMs = performance.now();
    while (!this.#hasEnded && !(await this.#try())) {
      if (this.rejection !== null || performance.now() - beganMs > GIVE_UP_MS) return;
      this.refused += 1;
      await sleep(RETRY_MS * (1 + Math.random()));
    }
    this.waitedMs = performance.now() - beganMs;
  }

  cut() {
    this.isReconnected = false;
    this.refused = 0;
    if (!this.ws) return;
    this.ws.onClose = () => undefined;
    this.ws.cut();
  }

  end() {
    this.#hasEnded = true;
    this.ws?.cut();
  }

  async #try() {
    try {
      this.ws = await openNamespace(this.port, '/devices', this.token, () => undefined);
    } catch (error) {
      this.rejection = error.rejection ?? null;
      return false;
    }
    this.ws.onClose = () => (this.isReconnected = false);
    this.isReconnected = true;
    return true;
  }
}

/** Spreads the reconnects evenly over `withinMs`. */
async function reconnectAll(devices, withinMs) {
  await Promise.all(
    devices.map(async (device, n) => {
      await sleep((n / devices.length) * withinMs);
      await device.join();
    }),
  );
}

function probe(port) {
  const agent = new Agent({ keepAlive: true });
  let tookMs = [];
  const ask = () => {
    const beganMs = performance.now();
    get({ host: '127.0.0.1', port, path: '/health', agent }, (response) => {
      response.resume();
      response.on('end', () => tookMs.push(performance.now() - beganMs));
    }).on('error', () => tookMs.push(Infinity));
  };
  setInterval(ask, PROBE_EVERY_MS);
  process.send('ready');
  process.on('disconnect', () => process.exit());
  process.on('message', () => {
    const sorted = sortedNumbers(tookMs);
    tookMs = [];
    process.send({ p50: at(sorted, 0.5), p99: at(sorted, 0.99), max: at(sorted, 1) });
  });
}

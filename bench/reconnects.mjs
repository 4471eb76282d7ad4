/**
 * Measures the reconnect of a whole fleet: N device sockets are cut and reconnect within 10 s. The built service runs as a
 * separate process on its embedded database.
 *
 *   npm run build && node bench/reconnects.mjs [--count 10000] [--within 10] [--json]
 *
 * The bench uses 127.0.0.1 and a temporary directory only, and ends by itself.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setInterval } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, URL } from 'node:url';
import { parseArgs } from 'node:util';
import { RawWebSocket } from './raw-websocket.mjs';

const { fetch } = globalThis;
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: process.env.SAMSERVER_RECONNECTS ?? '500' },
    within: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
    probe: { type: 'string' },
  },
});
const VEHICLES = 200;
const PROBE_EVERY_MS = 20;
const RETRY_MS = 1_000;
const CUT_SETTLES_MS = 3_000;
const GIVE_UP_MS = 60_000;
const ADMIN = { email: 'bench@example.org', password: 'bench bench bench' };
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

async function run(count, withinMs) {
  const directory = await mkdtemp(join(tmpdir(), 'samserver-reconnects-'));
  const [http, socket] = [await freePort(), await freePort()];
  const children = [];
  const endChildren = () => children.forEach((child) => child.kill('SIGKILL'));
  process.on('exit', endChildren);
  process.on('SIGTERM', () => process.exit(1));
  try {
    const service = await startService({ directory, http, socket }, children);
    const tokens = await makeTokens(`http://127.0.0.1:${http}`);
    const devices = Array.from({ length: count }, (_, n) => new Device(socket, tokens[n % tokens.length]));
    await reconnectAll(devices, withinMs);
    const rssBeforeMb = rssMb(service.pid);
    await sleep(1_000);

    const prober = fork(fileURLToPath(import.meta.url), ['--probe', String(http)]);
    children.push(prober);
    await once(prober, 'message');
    // The simultaneous cut and the reconnects are measured separately.
    for (const device of devices) device.cut();
    await sleep(CUT_SETTLES_MS);
    prober.send('report');
    const [healthAtCut] = await once(prober, 'message');
    const before = { service: cpuSeconds(service.pid), clients: cpuSeconds(process.pid) };
    const beganMs = performance.now();
    await reconnectAll(devices, withinMs);
    const tookS = (performance.now() - beganMs) / 1_000;
    prober.send('report');
    const [health] = await once(prober, 'message');
    prober.disconnect();
    const waitedMs = devices.map((device) => device.waitedMs).sort((a, b) => a - b);
    const report = {
      count,
      back: devices.filter((device) => device.isReconnected).length,
      tookS: round(tookS),
      refused: devices.reduce((sum, device) => sum + device.refused, 0),
      lockedOut: devices.filter((device) => device.rejection !== null).length,
      handshakeMs: { p50: at(waitedMs, 0.5), p99: at(waitedMs, 0.99), max: at(waitedMs, 1) },
      healthMs: health,
      healthAtCutMs: healthAtCut,
      rssMb: { before: rssBeforeMb, after: rssMb(service.pid) },
      cpuShare: {
        service: round((cpuSeconds(service.pid) - before.service) / tookS),
        clients: round((cpuSeconds(process.pid) - before.clients) / tookS),
      },
    };
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : formatReport(report));
    for (const device of devices) device.end();
    service.kill('SIGTERM');
    await once(service, 'exit');
    process.exitCode = report.back === count && report.lockedOut === 0 ? 0 : 1;
  } finally {
    endChildren();
    await rm(directory, { recursive: true, force: true });
  }
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
    this.ws.onClose = () => undefined;
    this.ws.cut();
  }

  end() {
    this.#hasEnded = true;
    this.ws?.cut();
  }

  #try() {
    return new Promise((resolve) => {
      this.ws = new RawWebSocket({ port: this.port });
      this.ws.onClose = () => {
        this.isReconnected = false;
        resolve(false);
      };
      this.ws.onText = (text) => {
        if (text[0] === '0') this.ws.sendText(`40/devices,${JSON.stringify({ token: this.token })}`);
        else if (text === '2') this.ws.sendText('3');
        else if (text.startsWith('40/devices')) {
          this.isReconnected = true;
          resolve(true);
        } else if (text.startsWith('44')) {
          this.rejection = text;
          resolve(false);
        }
      };
    });
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

/** Runs in a separate process without other work, so that the latency of `/health` is that of the service. */
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
    const sorted = tookMs.sort((a, b) => a - b);
    tookMs = [];
    process.send({ samples: sorted.length, p50: at(sorted, 0.5), p99: at(sorted, 0.99), max: at(sorted, 1) });
  });
}

async function startService({ directory, http, socket }, children) {
  const { PATH = '', HOME = '' } = process.env;
  const service = spawn(process.execPath, [MAIN], {
    env: {
      PATH,
      HOME,
      DATA_DIR: directory,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(http),
      SOCKET_SERVER_PORT: String(socket),
      LOG_LEVEL: 'warn',
      // All devices have one address here.
      CONNECTIONS_PER_ADDRESS: '100000',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(service);
  service.once('exit', (code) => code !== 0 && code !== null && process.exit(1));
  for await (const chunk of service.stdout) {
    if (/is ready/.test(String(chunk))) break;
  }
  return service;
}

async function makeTokens(url) {
  const send = async (path, body, token) => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return response.json();
  };
  const { accessToken } = await send('auth/login', ADMIN);
  const tokens = [];
  const make = async (n) => {
    const name = `B-${n}`;
    const { id } = await send('vehicles', { callSign: name, registration: name, type: 'als' }, accessToken);
    tokens.push((await send(`vehicles/${id}/credentials`, {}, accessToken)).token);
  };
  for (let n = 0; n < VEHICLES; n += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, more) => make(n + more)));
  }
  return tokens;
}

async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function rssMb(pid) {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 1_024);
}

/** CPU time in seconds; `/proc` counts in hundredths of a second. */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function at(sorted, share) {
  return round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN);
}

function round(value) {
  return Math.round(value * 100) / 100;
}

function formatReport({
  count,
  back,
  tookS,
  refused,
  lockedOut,
  handshakeMs,
  healthMs,
  healthAtCutMs,
  rssMb: mb,
  cpuShare,
}) {
  const percent = (share) => `${Math.round(share * 100)} %`;
  return `${[
    `${back} of ${count} are back after ${tookS} s; ${refused} attempts failed and were made again, ${lockedOut} locked out`,
    `from connecting to joined: p50 ${handshakeMs.p50} ms, p99 ${handshakeMs.p99} ms, max ${handshakeMs.max} ms`,
    `/health every ${PROBE_EVERY_MS} ms: p50 ${healthMs.p50} ms, p99 ${healthMs.p99} ms, max ${healthMs.max} ms (${healthMs.samples} samples)`,
    `/health while all were cut in one instant: p50 ${healthAtCutMs.p50} ms, max ${healthAtCutMs.max} ms`,
    `service: RSS ${mb.before} MB before, ${mb.after} MB after, ${percent(cpuShare.service)} of a core; clients: ${percent(cpuShare.clients)}`,
  ].join('\n')}\n`;
}

if (values.probe === undefined) await run(Number(values.count), Number(values.within) * 1_000);
else probe(Number(values.probe));

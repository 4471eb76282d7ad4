/**
 * Measures the fan-out of positions: from the `emit` of a device on the first instance to a watcher on the last one, with
 * one instance (without and with Redis), two, three and four. All of them run at once, each group with a database and a
 * prefix of its own, and get the same load in turns, so that other load on the machine affects all. Subscribers get a frame
 * at most every 260 ms: half of that is in every median.
 *
 *   npm run build && node bench/fan-out.mjs [--seconds 8] [--rounds 2] [--watchers 5] [--json]
 *
 * Needs redis-server. Devices and watchers are a process of their own. The bench uses 127.0.0.1 and a temporary directory
 * only, and ends by itself.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, URL } from 'node:url';
import { parseArgs } from 'node:util';
import { createClient } from 'redis';

const { fetch } = globalThis;
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '2' },
    watchers: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    role: { type: 'string' },
    at: { type: 'string' },
  },
});
const DEVICES = 300;
const GROUPS = [
  { name: '1, no Redis', size: 1, hasRedis: false },
  { name: '1', size: 1, hasRedis: true },
  { name: '2', size: 2, hasRedis: true },
  { name: '3', size: 3, hasRedis: true },
  { name: '4', size: 4, hasRedis: true },
];
/** Devices that send once a second, and the positions of each report. */
const LOADS = [
  { name: 'idle', devices: 0, batch: 0 },
  { name: '300/s one by one', devices: 300, batch: 1 },
  { name: '1000/s in batches', devices: 100, batch: 10 },
];
const ADMIN = { email: 'bench@example.org', password: 'bench bench bench' };
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const SELF = fileURLToPath(import.meta.url);
const CLIENTS = fileURLToPath(new URL('./fan-out-clients.mjs', import.meta.url));

if (values.role === 'database') await runDatabase();
else await run();

async function run() {
  const directory = await mkdtemp(join(tmpdir(), 'samserver-fan-out-'));
  const children = [];
  const endChildren = () => children.forEach((child) => child.kill('SIGKILL'));
  process.on('exit', endChildren);
  process.on('SIGTERM', () => process.exit(1));
  try {
    const database = fork(SELF, ['--role', 'database', '--at', directory]);
    children.push(database);
    const [{ uri }] = await once(database, 'message');
    const redis = await startRedis(directory, children);
    const clients = fork(CLIENTS);
    children.push(clients);
    await once(clients, 'message');
    const ask = async (message) => {
      clients.send(message);
      const [answer] = await once(clients, 'message');
      if (answer.error) throw new Error(answer.error);
      return answer;
    };
    const groups = [];
    for (const [index, group] of GROUPS.entries()) {
      const started = await startGroup(group, `${uri}fan_out_${index}?retryWrites=false`, redis, children);
      const ports = started.map(({ socket }) => socket);
      const tokens = await makeTokens(`http://127.0.0.1:${started[0].http}`);
      await ask({
        kind: 'connect',
        index,
        first: ports[0],
        last: ports.at(-1),
        tokens,
        watchers: Number(values.watchers),
      });
      groups.push({ ...group, pids: started.map(({ pid }) => pid), runs: new Map() });
    }
    const pids = { redis: redis.pid, database: database.pid, clients: clients.pid };
    await ask({ kind: 'load', index: 0, seconds: 3, load: LOADS[1] });
    for (let round = 0; round < Number(values.rounds); round += 1)
      for (const load of LOADS)
        for (const [index, group] of groups.entries()) {
          const before = await countersOf(group, pids, redis);
          const seconds = Number(values.seconds);
          const answer = await ask({ kind: 'load', index, seconds, load });
          const after = await countersOf(group, pids, redis);
          const runs = group.runs.get(load.name) ?? [];
          group.runs.set(load.name, [...runs, { ...answer, ...differenceOf(before, after) }]);
        }
    const report = groups.map((group) => ({
      name: group.name,
      loads: LOADS.map((load) => summary(group, load)),
    }));
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : format(report));
  } finally {
    endChildren();
    await rm(directory, { recursive: true, force: true });
  }
  process.exit();
}

async function runDatabase() {
  const { serveEmbeddedMongo } = await import('../dist/embedded-mongo/index.js');
  const served = await serveEmbeddedMongo({ directory: values.at, noSync: true });
  process.send({ uri: served.uri });
}

async function startRedis(directory, children) {
  const port = await freePort();
  const options = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory, '--save', ''];
  const child = spawn('redis-server', options, { stdio: 'ignore' });
  children.push(child);
  const url = `redis://127.0.0.1:${port}`;
  const client = createClient({ url, socket: { reconnectStrategy: () => 50 } });
  client.on('error', () => undefined);
  await client.connect();
  return { pid: child.pid, url, client };
}

async function startGroup({ name, size, hasRedis }, databaseUrl, redis, children) {
  const started = [];
  for (let n = 0; n < size; n += 1) {
    const [http, socket] = [await freePort(), await freePort()];
    const { PATH = '', HOME = '' } = process.env;
    const service = spawn(process.execPath, [MAIN], {
      env: {
        PATH,
        HOME,
        MONGODB_URL: databaseUrl,
        SCHEMA_ON_START: 'up',
        JWT_SECRET: 'a secret of the bench, more than 32 bytes',
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        HTTP_HOST: '127.0.0.1',
        HTTP_PORT: String(http),
        SOCKET_SERVER_PORT: String(socket),
        LOG_LEVEL: 'warn',
        CONNECTIONS_PER_ADDRESS: '100000',
        ...(hasRedis && { REDIS_URL: redis.url, REDIS_PREFIX: `fan-out-${size}` }),
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.push(service);
    service.once('exit', (code) => code !== null && process.exit(1));
    const isReady = () =>
      fetch(`http://127.0.0.1:${http}/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    for (const endMs = performance.now() + 60_000; !(await isReady()); await sleep(50))
      if (performance.now() > endMs) throw new Error(`an instance of the group "${name}" is not ready`);
    started.push({ http, socket, pid: service.pid });
  }
  return started;
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
  const tokens = { user: accessToken, devices: [], vehicleIds: [] };
  for (let n = 0; n < DEVICES; n += 10)
    await Promise.all(
      Array.from({ length: 10 }, async (_, more) => {
        const name = `B-${n + more}`;
        const { id } = await send(
          'vehicles',
          { callSign: name, registration: name, type: 'als' },
          accessToken,
        );
        const { token } = await send(`vehicles/${id}/credentials`, {}, accessToken);
        tokens.devices.push(token);
        tokens.vehicleIds.push(id);
      }),
    );
  return tokens;
}

/** CPU seconds of every process, bytes through Redis. */
async function countersOf({ pids }, others, { client }) {
  const info = await client.info('stats');
  const stat = (name) => Number(new RegExp(`${name}:(\\d+)`).exec(info)[1]);
  return {
    atMs: performance.now(),
    instances: pids.map(cpuSeconds),
    others: Object.fromEntries(Object.entries(others).map(([name, pid]) => [name, cpuSeconds(pid)])),
    redisIn: stat('total_net_input_bytes'),
    redisOut: stat('total_net_output_bytes'),
    rssMb: [...pids, others.redis].map(rssMb),
  };
}

function differenceOf(before, after) {
  const seconds = (after.atMs - before.atMs) / 1_000;
  return {
    cpu: after.instances.map((cpu, n) => (cpu - before.instances[n]) / seconds),
    otherCpu: Object.fromEntries(
      Object.entries(after.others).map(([name, cpu]) => [name, (cpu - before.others[name]) / seconds]),
    ),
    redisInPerS: (after.redisIn - before.redisIn) / seconds,
    redisOutPerS: (after.redisOut - before.redisOut) / seconds,
    rssMb: after.rssMb,
  };
}

function summary(group, load) {
  const runs = group.runs.get(load.name);
  const sorted = (name) => runs.flatMap((each) => each[name]).sort((a, b) => a - b);
  const mean = (of) => runs.reduce((sum, each) => sum + of(each), 0) / runs.length;
  const fanOut = sorted('latenciesMs');
  const acknowledged = sorted('acknowledgedMs');
  return {
    name: load.name,
    fanOutMs: { p50: at(fanOut, 0.5), p99: at(fanOut, 0.99) },
    acknowledgedMs: { p50: at(acknowledged, 0.5), p99: at(acknowledged, 0.99) },
    cpuPct: group.pids.map((_, n) => percent(mean(({ cpu }) => cpu[n]))),
    otherCpuPct: Object.fromEntries(
      Object.keys(runs[0].otherCpu).map((name) => [name, percent(mean(({ otherCpu }) => otherCpu[name]))]),
    ),
    redisKbPerS: {
      in: round(mean((each) => each.redisInPerS) / 1e3),
      out: round(mean((each) => each.redisOutPerS) / 1e3),
    },
    rssMb: runs.at(-1).rssMb,
  };
}

function format(report) {
  const lines = [
    'instances | load | fan-out p50/p99 ms | acknowledged p50/p99 ms | CPU % of each instance | Redis CPU % | Redis in/out kB/s | RSS MB of each, Redis',
  ];
  for (const { name, loads } of report)
    for (const load of loads)
      lines.push(
        [
          name,
          load.name,
          `${load.fanOutMs.p50 ?? '-'}/${load.fanOutMs.p99 ?? '-'}`,
          `${load.acknowledgedMs.p50 ?? '-'}/${load.acknowledgedMs.p99 ?? '-'}`,
          load.cpuPct.join(' '),
          load.otherCpuPct.redis,
          `${load.redisKbPerS.in}/${load.redisKbPerS.out}`,
          load.rssMb.join(' '),
        ].join(' | '),
      );
  return `${lines.join('\n')}\n`;
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
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  return value === undefined ? null : Math.round(value);
}

function percent(share) {
  return round(share * 100);
}

function round(value) {
  return Math.round(value * 10) / 10;
}

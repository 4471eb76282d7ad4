/**
 * Measures reads of one vehicle's month: the first and the last page, the GPX of a day and the CSV of the whole month,
 * with their time and the memory of the service. Database, service and reader are separate processes, so that the memory
 * is that of the service. Each time is printed beside a floor of the same run: the same documents read with the driver.
 *
 *   npm run build && node bench/history.mjs [--fixes 2600000]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mongo } from 'mongoose';
import { positionId } from '../dist/tracking/position-id.js';

const ADMIN = { email: 'bench@example.org', password: 'only for this bench' };
const DATABASE = 'samserver_test_bench';
const SECOND_MS = 1_000;
const DAY_S = 86_400;
const startMs = Date.parse('2026-10-01T00:00:00.000Z');

const { values } = parseArgs({
  options: {
    fixes: { type: 'string', default: '2600000' },
    role: { type: 'string' },
    at: { type: 'string' },
  },
});
const ROLES = { database: runDatabase, service: runService };
await (ROLES[values.role] ?? run)(values.at);

async function runDatabase(directory) {
  const { serveEmbeddedMongo } = await import('../dist/embedded-mongo/index.js');
  const served = await serveEmbeddedMongo({ directory, noSync: true });
  process.send({ uri: `${served.uri}${DATABASE}?retryWrites=false` });
}

/** Answers each message with the peak of the memory since the last message. */
async function runService(uri) {
  await import('reflect-metadata');
  const { startService } = await import('../dist/app.js');
  const { loadSettings } = await import('../dist/config/index.js');
  const { createPino, PinoLogger } = await import('../dist/core/index.js');
  const { DatabaseConnection } = await import('../dist/database/index.js');
  const { settings } = loadSettings({
    MONGODB_URL: uri,
    SCHEMA_ON_START: 'up',
    JWT_SECRET: 'a secret of the bench, more than 32 bytes',
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
    SOCKET_SERVER_PORT: '0',
  });
  const pino = createPino('error', { isTerminal: false, release: null });
  const service = await startService(settings, new PinoLogger(pino));
  await service.app.get(DatabaseConnection).whenStarted();
  let peak = 0;
  const { setInterval } = await import('node:timers');
  setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 50);
  process.on('message', () => {
    process.send({ peak: Math.max(peak, process.memoryUsage.rss()) });
    peak = 0;
  });
  process.send({ port: service.httpPort });
}

async function run() {
  const count = Number(values.fixes);
  if (!Number.isInteger(count) || count < 1 || count > 10_000_000)
    throw new Error('--fixes: 1 to 10,000,000');
  const directory = await mkdtemp(join(tmpdir(), 'samserver-bench-'));
  const children = [];
  const client = { close: () => undefined };
  try {
    const [, { uri }] = await start('database', directory, children);
    const [service, { port }] = await start('service', uri, children);
    const api = await login(port);
    const driver = await new mongo.MongoClient(uri).connect();
    client.close = () => driver.close();
    const positions = driver.db(DATABASE).collection('positions');
    const body = { callSign: 'Bench 1', registration: 'BENCH-1', type: 'als' };
    const vehicleId = JSON.parse((await api('POST', '/api/v1/vehicles', body)).text).id;

    const fillMs = await timed(() => fill(positions, vehicleId, count));
    print(`${count} fixes stored in ${seconds(fillMs)} s; the service at rest: ${await rss(service)} MB`);
    await measure({ api, positions, vehicleId, count, service });
  } finally {
    await client.close();
    for (const child of children) child.kill();
    await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')));
    await rm(directory, { recursive: true });
  }
}

async function measure({ api, positions, vehicleId, count, service }) {
  const path = `/api/v1/vehicles/${vehicleId}/positions`;
  const iso = (second) => new Date(startMs + second * SECOND_MS).toISOString();
  const between = (from, to) => ({
    _id: {
      $gte: positionId(vehicleId, startMs + from * SECOND_MS),
      $lt: positionId(vehicleId, startMs + to * SECOND_MS),
    },
  });
  const day = Math.min(DAY_S, count);
  const page = Math.min(5_000, count);
  const cases = [
    ['first page of 5,000', `${path}?limit=5000`, between(0, page)],
    ['last page of 5,000', `${path}?limit=5000&from=${iso(count - page)}`, between(count - page, count)],
    ['GPX of a day', `${path}?format=gpx&to=${iso(day)}`, between(0, day)],
    ['GeoJSON of a day', `${path}?format=geojson&to=${iso(day)}`, between(0, day)],
    ['CSV of all', `${path}?format=csv`, between(0, count)],
  ];
  for (const [name, url, filter] of cases) {
    let bytes = 0;
    // Short reads take the best of three: the first one includes compilation.
    const rounds = name === 'CSV of all' ? 1 : 3;
    const floorMs = await best(rounds, () => drain(positions, filter));
    await rss(service);
    const ms = await best(rounds, async () => ({ bytes } = await api('GET', url)));
    const ratio = (ms / floorMs).toFixed(2);
    const size = `${(bytes / 1e6).toFixed(1)} MB`;
    print(
      `${name.padEnd(20)} ${ms.toFixed(0).padStart(7)} ms  floor ${floorMs.toFixed(0).padStart(6)} ms  ` +
        `ratio ${ratio}  ${size.padStart(9)}  service peak ${await rss(service)} MB`,
    );
  }
}

async function fill(positions, vehicleId, count) {
  const batch = 10_000;
  for (let start = 0; start < count; start += batch) {
    const documents = Array.from({ length: Math.min(batch, count - start) }, (_, index) => {
      const second = start + index;
      const timeMs = startMs + second * SECOND_MS;
      return {
        _id: positionId(vehicleId, timeMs),
        vehicleId: new mongo.ObjectId(vehicleId),
        time: new Date(timeMs),
        lat: 48.1 + Math.sin(second / 900) * 0.05,
        lon: 11.5 + Math.cos(second / 700) * 0.08,
        speedMps: (second % 300) / 10,
        headingDeg: second % 360,
        accuracyM: 5,
        receivedAt: new Date(timeMs + 300),
      };
    });
    await positions.insertMany(documents, { ordered: false });
  }
}

/** The minimum for any reader: read the documents from the database and decode them. */
async function drain(positions, filter) {
  const cursor = positions.find(filter, { batchSize: 2_000 }).sort({ _id: 1 });
  let seen = 0;
  while (await cursor.next()) seen += 1;
  if (seen === 0) throw new Error('the floor read nothing');
}

async function start(role, at, children) {
  const child = fork(fileURLToPath(import.meta.url), ['--role', role, '--at', at]);
  children.push(child);
  const failed = once(child, 'exit').then(() => Promise.reject(new Error(`${role} ended`)));
  failed.catch(() => undefined);
  const [message] = await Promise.race([once(child, 'message'), failed]);
  return [child, message];
}

async function login(port) {
  const send = (method, path, body, token) =>
    new Promise((resolve, reject) => {
      const headers = {
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
      };
      const sent = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
        let bytes = 0;
        let text = '';
        response.on('data', (chunk) => {
          bytes += chunk.length;
          // Only short answers are used; of a file only the size.
          if (bytes < 10_000) text += chunk;
        });
        response.on('end', () =>
          response.statusCode < 300 ? resolve({ bytes, text }) : reject(new Error(`${path}: ${text}`)),
        );
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body && JSON.stringify(body));
    });
  const { accessToken } = JSON.parse((await send('POST', '/api/v1/auth/login', ADMIN)).text);
  return (method, path, body) => send(method, path, body, accessToken);
}

async function rss(service) {
  service.send('rss');
  const [{ peak }] = await once(service, 'message');
  return Math.round(peak / 1e6);
}

async function best(rounds, work) {
  const times = [];
  for (let round = 0; round < rounds; round += 1) times.push(await timed(work));
  return Math.min(...times);
}

async function timed(work) {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function seconds(ms) {
  return (ms / 1_000).toFixed(1);
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

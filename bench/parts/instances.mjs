/**
 * Fan-out through Redis: from a device on the first instance to a watcher on the last one, with one instance (without and
 * with Redis), two, three and four. All of them run at once, each group with a database and a prefix of its own.
 */
import { createClient } from 'redis';
import { Clients } from '../support/clients.mjs';
import { makeFleet } from '../support/fleet.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { Table } from '../support/table.mjs';
import { rssMb } from '../support/usage.mjs';

const DEVICES = 300;
const WATCHERS = 5;
const GROUPS = [
  { name: '1 instance, no Redis', size: 1, hasRedis: false },
  { name: '1 instance', size: 1, hasRedis: true },
  { name: '2 instances', size: 2, hasRedis: true },
  { name: '3 instances', size: 3, hasRedis: true },
  { name: '4 instances', size: 4, hasRedis: true },
];
/** Devices that send once a second, and the positions of each report. */
const LOADS = [
  { name: 'idle', devices: 0, batch: 1 },
  { name: '300/s one by one', devices: 300, batch: 1 },
  { name: '1,000/s in batches of 10', devices: 100, batch: 10 },
];

export const about = {
  title: 'Several instances',
  text: `Needs redis-server. Devices are on the first instance and ${WATCHERS} watchers of all vehicles on the last one. The database of all groups is one process.`,
};

export async function run({ programs, revisions, seconds, rounds, progress }) {
  const clients = await Clients.start(programs);
  const redis = await startRedis(programs);
  const groups = [];
  for (const { name, root } of revisions) {
    const database = await programs.startDatabase(root);
    for (const group of GROUPS) {
      progress(`${name}: starting ${group.name}`);
      const key = `${groups.length}`;
      const env = {
        MONGODB_URL: database.urlOf(`instances_${key}`),
        ...(group.hasRedis && { REDIS_URL: redis.url, REDIS_PREFIX: `instances-${key}` }),
      };
      const instances = [];
      for (let n = 0; n < group.size; n += 1) instances.push(await programs.startService({ root, env }));
      const { vehicles, accessToken } = await makeFleet(instances[0].url, DEVICES);
      const devices = vehicles.map(({ token }) => ({ port: instances[0].socket, token }));
      for (const { devices: count } of LOADS)
        await clients.define(`${key} ${count}`, 'socket', devices.slice(0, count));
      const watcher = { port: instances.at(-1).socket, token: accessToken };
      await clients.define(`${key} watchers`, 'watcher', Array(WATCHERS).fill(watcher));
      const pids = Object.fromEntries(instances.map(({ pid }, n) => [`instance ${n}`, pid]));
      const subject = revisions.length > 1 ? `${group.name} (${name})` : group.name;
      groups.push({ ...group, key, subject, pids: { ...pids, redis: redis.pid, database: database.pid } });
    }
  }
  const table = new Table({
    title: 'Open loop',
    metrics: [
      { name: 'seenP50', title: 'from device to subscriber, p50 ms', digits: 0 },
      { name: 'seenP99', title: 'p99 ms', digits: 0 },
      { name: 'ackP50', title: 'acknowledged, p50 ms', digits: 0 },
      { name: 'ackP99', title: 'p99 ms', digits: 0 },
      { name: 'firstPct', title: 'CPU of the first, %', digits: 1 },
      { name: 'otherPct', title: 'CPU of each other, %', digits: 1 },
      { name: 'redisPct', title: 'CPU of Redis, %', digits: 1 },
      { name: 'redisInKb', title: 'Redis in, kB/s', digits: 1 },
      { name: 'redisOutKb', title: 'Redis out, kB/s', digits: 1 },
      { name: 'memoryMb', title: 'memory of each, MB', digits: 0 },
      { name: 'missing', title: 'not delivered', digits: 0 },
      { name: 'refused', title: 'refused', digits: 0 },
    ],
  });
  for (let round = -1; round < rounds; round += 1)
    for (const load of round < 0 ? [LOADS[1]] : LOADS)
      for (const group of rotated(groups, Math.max(0, round))) {
        progress(`${load.name}: ${roundName(round, rounds)}, ${group.subject}`);
        const values = await measure(clients, redis, group, load, round < 0 ? 3 : seconds);
        if (round >= 0) table.add(load.name, group.subject, values);
      }
  await redis.client.quit();
  return [table];
}

async function measure(clients, redis, { key, pids, size }, { devices, batch }, seconds) {
  const before = await redis.bytes();
  const load = { seconds, perSecond: devices, batch, isRealTime: true, watchers: `${key} watchers` };
  const result = await clients.run(`${key} ${devices}`, 'openLoop', load, pids);
  const after = await redis.bytes();
  const { cpuS, seen, latencyMs } = result;
  const percent = (cpu) => (cpu / result.seconds) * 100;
  const instances = Array.from({ length: size }, (_, n) => `instance ${n}`);
  const others = instances.slice(1).map((name) => percent(cpuS[name]));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    seenP50: seen.latencyMs.p50,
    seenP99: seen.latencyMs.p99,
    ackP50: latencyMs.p50,
    ackP99: latencyMs.p99,
    firstPct: percent(cpuS['instance 0']),
    ...(size > 1 && { otherPct: mean(others) }),
    redisPct: percent(cpuS.redis),
    redisInKb: (after.in - before.in) / 1e3 / result.seconds,
    redisOutKb: (after.out - before.out) / 1e3 / result.seconds,
    memoryMb: mean(instances.map((name) => rssMb(pids[name]))),
    missing: seen.missing,
    refused: result.refused,
  };
}

async function startRedis(programs) {
  const { port, pid } = await programs.startRedis();
  const url = `redis://127.0.0.1:${port}`;
  const client = createClient({ url });
  client.on('error', () => undefined);
  await client.connect();
  const bytes = async () => {
    const info = await client.info('stats');
    const stat = (name) => Number(new RegExp(`${name}:(\\d+)`).exec(info)[1]);
    return { in: stat('total_net_input_bytes'), out: stat('total_net_output_bytes') };
  };
  return { url, pid, client, bytes };
}

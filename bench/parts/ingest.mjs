/** Positions in: what a stored position costs, beside the floor and the old server. */
import { createConnection } from 'mongoose';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clients } from '../support/clients.mjs';
import { freePort, HERE } from '../support/programs.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { costOf, startFloor, startSamserver } from '../support/subjects.mjs';
import { FLOOR, Table } from '../support/table.mjs';
import { pssMb } from '../support/usage.mjs';

const CLIENTS = 50;
const DEVICES = 1_000;
const NOTHING_MORE_MS = 1_000;
const WAYS = [
  { name: 'HTTP, 1 a request', kind: 'http', batch: 1, aim: 0.5 },
  { name: 'socket, 1 an event', kind: 'socket', batch: 1, aim: 0.6 },
  { name: 'socket, 100 an event', kind: 'socket', batch: 100, aim: 0.7 },
];
const COST = [
  { name: 'serviceMs', title: 'service CPU, ms a position', digits: 4, better: 'lower' },
  { name: 'databaseMs', title: 'database CPU, ms a position', digits: 4, better: 'lower' },
];
const CLIENTS_COST = { name: 'clientsMs', title: 'clients CPU, ms a position', digits: 4 };
const LATENCY = [
  { name: 'p50Ms', title: 'p50 ms', digits: 1 },
  { name: 'p99Ms', title: 'p99 ms', digits: 1 },
];
const REFUSED = { name: 'refusedPct', title: 'refused %', digits: 2 };
const MEMORY = { name: 'memoryMb', title: 'memory of the service, MB', digits: 0 };

export const about = {
  title: 'Ingest',
  text: `The floor is \`bench/support/floor.mjs\`: node:http or Socket.IO, JSON, one shared insert at a time, the same documents. Each program has a database process of its own (\`samserver db\`, which flushes each commit). The old server is that of the tests (Express 4, mongoose 6); it answers before it stores, so its time lasts until all is stored.`,
};

export async function run({ programs, revisions, seconds, rounds, values, progress }) {
  const clients = await Clients.start(programs);
  const isClosedOnly = values['closed-only'];
  const vehicles = 2 * CLIENTS + (isClosedOnly ? 0 : DEVICES);
  const subjects = [await startFloor(programs, vehicles), await startOldServer(programs)];
  for (const revision of revisions) subjects.push(await startSamserver(programs, revision, vehicles));
  await defineClients(clients, subjects);
  for (const way of WAYS)
    for (const subject of withWay(subjects, way))
      await measure(clients, subject, way, 'closedLoop', { seconds: 2 });

  const closed = new Table({
    title: `Closed loop, ${CLIENTS} clients`,
    metrics: [
      { name: 'rate', title: 'positions/s', digits: 0, better: 'higher' },
      ...COST,
      CLIENTS_COST,
      ...LATENCY,
      REFUSED,
      MEMORY,
    ],
    main: 'rate',
    cost: 'totalMs',
    aims: Object.fromEntries(WAYS.map(({ name, aim }) => [name, aim])),
  });
  for (let round = 0; round < rounds; round += 1)
    for (const way of WAYS)
      for (const subject of rotated(withWay(subjects, way), round)) {
        progress(`${way.name}: ${roundName(round, rounds)}, ${subject.name}`);
        const load = { seconds, inFlight: CLIENTS };
        closed.add(way.name, subject.name, await measure(clients, subject, way, 'closedLoop', load));
      }

  if (isClosedOnly) return [closed];

  const half = new Table({
    title: "Open loop at half of the floor's rate: nothing may be refused",
    metrics: [{ name: 'rate', title: 'positions/s', digits: 0 }, ...COST, ...LATENCY, REFUSED],
    cost: 'totalMs',
  });
  const paced = new Table({
    title: `Open loop, ${DEVICES.toLocaleString('en-US')} devices at 1 Hz, one by one`,
    metrics: [...COST, ...LATENCY, REFUSED, MEMORY],
    cost: 'totalMs',
  });
  for (const subject of subjects.filter(({ kinds }) => kinds.socket))
    for (const way of WAYS) {
      progress(`${way.name}: half of the floor's rate, ${subject.name}`);
      const perSecond = closed.median(way.name, FLOOR, 'rate') / 2 / way.batch;
      half.add(
        way.name,
        subject.name,
        await measure(clients, subject, way, 'openLoop', { seconds, perSecond }),
      );
    }
  for (let round = 0; round < Math.min(rounds, 3); round += 1)
    for (const way of WAYS.slice(0, 2))
      for (const subject of subjects.filter(({ kinds }) => kinds.socket)) {
        progress(`1 Hz, ${way.kind}: ${roundName(round, rounds)}, ${subject.name}`);
        const load = { seconds: Math.max(5, seconds), perSecond: DEVICES, isRealTime: true };
        paced.add(way.kind, subject.name, await measure(clients, subject, way, 'openLoop', load, 'fleet'));
      }
  return [closed, half, paced];
}

/** The old server takes positions over HTTP only. */
function withWay(subjects, { kind }) {
  return subjects.filter(({ kinds }) => kinds[kind]);
}

async function measure(clients, subject, { kind, batch }, loop, load, fleet = 'few') {
  const group = `${subject.name} ${kind} ${fleet}`;
  const settle = await subject.beforeLoad?.();
  const options = { inFlight: CLIENTS, batch, ...load };
  const result = await clients.run(group, loop, options, subject.pids, settle);
  return {
    rate: result.done / result.seconds,
    ...costOf(result),
    p50Ms: result.latencyMs.p50,
    p99Ms: result.latencyMs.p99,
    refusedPct: (result.refused / (result.refused + result.done)) * 100,
    memoryMb: pssMb(subject.pids.service),
  };
}

/** Each way of the closed loop has vehicles of its own, so that the positions of one way are not late after the other. */
async function defineClients(clients, subjects) {
  for (const { name, kinds, devices } of subjects)
    for (const [n, [kind, { client = kind, port }]] of Object.entries(kinds).entries()) {
      const addresses = devices.map((token) => ({ port, token }));
      await clients.define(`${name} ${kind} few`, client, addresses.slice(n * CLIENTS, (n + 1) * CLIENTS));
      await clients.define(`${name} ${kind} fleet`, client, addresses.slice(2 * CLIENTS));
    }
}

async function startOldServer(programs) {
  const database = await programs.startDatabase();
  const url = database.urlOf('old');
  const connection = await createConnection(url).asPromise();
  const boxes = Array.from({ length: CLIENTS }, (_, n) => `box-${n}`);
  const ambulances = boxes.map((box) => ({ ambulance_box_code: box, isactive: true }));
  await connection.collection('ambulances').insertMany(ambulances);
  const directory = join(await programs.directory(), 'server');
  await mkdir(directory);
  const [http, socket] = [await freePort(), await freePort()];
  const script = join(HERE, 'test/old-server/serve.mjs');
  const env = { OLD_HTTP_PORT: String(http), OLD_SOCKET_PORT: String(socket), OLD_MONGODB_URL: url };
  const { pid } = await programs.spawn(process.execPath, [script], { env, cwd: directory, ready: /is up/ });
  const histories = connection.collection('ambulance_tracking_histories');
  return {
    name: 'old server',
    pids: { service: pid, database: database.pid },
    kinds: { http: { port: http, client: 'box' } },
    devices: boxes,
    /** The load lasts until all answered positions are stored. */
    beforeLoad: async () => {
      const before = await histories.estimatedDocumentCount();
      return async ({ done, seconds }) => {
        const answeredMs = Date.now();
        let [stored, storedMs] = [0, answeredMs];
        // The first position of a box makes its tracking document and no history, so some can be missing for ever.
        while (stored < done && Date.now() - storedMs < NOTHING_MORE_MS) {
          await sleep(20);
          const count = (await histories.estimatedDocumentCount()) - before;
          if (count > stored) [stored, storedMs] = [count, Date.now()];
        }
        return { done: stored, seconds: seconds + (storedMs - answeredMs) / 1_000 };
      };
    },
  };
}

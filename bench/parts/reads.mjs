/** JSON reads over HTTP, beside bare Express 5 that answers with the same JSON. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Clients } from '../support/clients.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { costOf, startSamserver } from '../support/subjects.mjs';
import { FLOOR, Table } from '../support/table.mjs';

const { fetch } = globalThis;
const VEHICLES = 1_000;
const CONNECTIONS = 10;
/** Requests a second in the open loop. */
const PLAN_PER_S = 50;
const AIM = 0.7;
const CASES = [
  { name: 'GET /health', path: () => '/health' },
  { name: 'a vehicle', path: (id) => `/api/v1/vehicles/${id}` },
  { name: '100 vehicles', path: () => '/api/v1/vehicles?limit=100' },
  { name: '1,000 live positions', path: () => '/api/v1/positions/live' },
];

export const about = {
  title: 'Reads',
  text: 'The floor is bare Express 5 with the same JSON: no access check, no database, no request id, no log, no metrics.',
};

export async function run({ programs, revisions, seconds, rounds, progress }) {
  const clients = await Clients.start(programs);
  progress('starting the services');
  const subjects = [];
  for (const revision of revisions) subjects.push(await startSamserver(programs, revision, VEHICLES));
  for (const { name, kinds, devices } of subjects) {
    await clients.define(
      `${name} devices`,
      'http',
      devices.map((token) => ({ ...kinds.http, token })),
    );
    await clients.run(
      `${name} devices`,
      'openLoop',
      { seconds: 5, perSecond: VEHICLES / 5, isRealTime: true },
      {},
    );
  }
  subjects.unshift(await startBareExpress(programs, subjects[0]));
  for (const { name, kinds, accessToken, vehicles } of subjects)
    for (const { name: caseName, path } of CASES) {
      const address = { ...kinds.http, path: path(vehicles[0].id), token: accessToken };
      await clients.define(`${name} ${caseName}`, 'get', Array(CONNECTIONS).fill(address));
    }

  const metrics = [
    { name: 'serviceMs', title: 'service CPU, ms a request', digits: 3, better: 'lower' },
    { name: 'p50Ms', title: 'p50 ms', digits: 2 },
    { name: 'p95Ms', title: 'p95 ms', digits: 2 },
  ];
  const closed = new Table({
    title: `Closed loop, ${CONNECTIONS} connections`,
    metrics: [{ name: 'rate', title: 'requests/s', digits: 0, better: 'higher' }, ...metrics],
    main: 'rate',
    cost: 'totalMs',
    aims: Object.fromEntries(CASES.map(({ name }) => [name, AIM])),
  });
  const paced = new Table({
    title: `Open loop, ${PLAN_PER_S} requests/s (aim: mean 1 ms, p95 4 ms)`,
    metrics: [{ name: 'meanMs', title: 'mean ms', digits: 2 }, ...metrics],
  });
  const measure = async (table, { name, pids }, caseName, loop, load) => {
    const result = await clients.run(`${name} ${caseName}`, loop, load, pids);
    if (result.refused > 0) throw new Error(`${name}, ${caseName}: ${JSON.stringify(result.codes)}`);
    const { mean, p50, p95 } = result.latencyMs;
    const times = { meanMs: mean, p50Ms: p50, p95Ms: p95 };
    table?.add(caseName, name, {
      rate: result.done / result.seconds,
      ...costOf(result),
      ...times,
    });
  };
  for (const { name } of CASES)
    for (const subject of subjects)
      await measure(null, subject, name, 'closedLoop', { seconds: 1, inFlight: CONNECTIONS });
  for (let round = 0; round < rounds; round += 1)
    for (const { name } of CASES)
      for (const subject of rotated(subjects, round)) {
        progress(`${name}: ${roundName(round, rounds)}, ${subject.name}`);
        const load = { seconds: seconds / 2, inFlight: CONNECTIONS };
        await measure(closed, subject, name, 'closedLoop', load);
        await measure(paced, subject, name, 'openLoop', { seconds: seconds / 2, perSecond: PLAN_PER_S });
      }
  return [closed, paced];
}

async function startBareExpress(programs, { service, vehicles, accessToken }) {
  const answers = {};
  for (const { path } of CASES) {
    const response = await fetch(`${service.url}${path(vehicles[0].id)}`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    answers[path(vehicles[0].id)] = await response.json();
  }
  if (answers['/api/v1/positions/live'].items.length !== VEHICLES)
    throw new Error('live positions are missing');
  const file = join(await programs.directory(), 'answers.json');
  await writeFile(file, JSON.stringify(answers));
  const script = join(import.meta.dirname, '../support/bare-express.mjs');
  const { pid, message } = await programs.fork(script, [file]);
  return { name: FLOOR, pids: { service: pid }, kinds: { http: message }, vehicles, accessToken };
}

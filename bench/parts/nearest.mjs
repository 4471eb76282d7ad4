/** The nearest vehicles and the vehicles of a bounding box, among many. */
import { Clients } from '../support/clients.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { costOf, startSamserver } from '../support/subjects.mjs';
import { Table } from '../support/table.mjs';

const VEHICLES = 10_000;
/** Vehicles that send their position within one second. */
const AT_ONCE = 500;
const PER_SECOND = 50;
const CASES = [
  { name: '5 nearest', path: 'vehicles/nearest?lat=48.5&lon=11.5&status=available&limit=5&maxAgeS=86400' },
  { name: 'bounding box of 0.1 degrees', path: 'positions/live?bbox=11.4,48.4,11.5,48.5' },
];

export const about = {
  title: 'Nearest',
  text: `Of vehicles that all have a position. The aim is a p95 of 2 ms for the 5 nearest of 10,000. \`--count\` sets their number.`,
};

export async function run({ programs, revisions, seconds, rounds, values, progress }) {
  const count = Number(values.count ?? VEHICLES);
  const clients = await Clients.start(programs);
  const subjects = [];
  for (const revision of revisions) {
    progress(`${revision.name}: making ${count} vehicles`);
    const subject = await startSamserver(programs, revision, count);
    subjects.push(subject);
    await sendPositions(clients, subject);
    for (const { name, path } of CASES) {
      const address = { ...subject.kinds.http, path: `/api/v1/${path}`, token: subject.accessToken };
      await clients.define(`${subject.name} ${name}`, 'get', [address]);
    }
  }
  const table = new Table({
    title: `${count.toLocaleString('en-US')} vehicles, open loop, ${PER_SECOND} requests/s`,
    metrics: [
      { name: 'meanMs', title: 'mean ms', digits: 2 },
      { name: 'p50Ms', title: 'p50 ms', digits: 2 },
      { name: 'p95Ms', title: 'p95 ms', digits: 2 },
      { name: 'serviceMs', title: 'service CPU, ms a request', digits: 2, better: 'lower' },
    ],
  });
  for (let round = -1; round < rounds; round += 1)
    for (const { name } of CASES)
      for (const subject of rotated(subjects, Math.max(0, round))) {
        progress(`${name}: ${roundName(round, rounds)}, ${subject.name}`);
        const load = { seconds, perSecond: PER_SECOND };
        const result = await clients.run(`${subject.name} ${name}`, 'openLoop', load, subject.pids);
        if (result.refused > 0) throw new Error(`${name}: ${JSON.stringify(result.codes)}`);
        const { mean, p50, p95 } = result.latencyMs;
        // The first round includes compilation.
        if (round < 0) continue;
        const { serviceMs } = costOf(result);
        table.add(name, subject.name, { meanMs: mean, p50Ms: p50, p95Ms: p95, serviceMs });
      }
  return [table];
}

/** One position of each vehicle, at its present time. */
async function sendPositions(clients, { name, kinds, devices }) {
  for (let n = 0; n < devices.length; n += AT_ONCE) {
    const group = `${name} devices ${n}`;
    const addresses = devices.slice(n, n + AT_ONCE).map((token) => ({ ...kinds.http, token }));
    await clients.define(group, 'http', addresses);
    const load = { seconds: 1, perSecond: addresses.length, isRealTime: true };
    const { refused, codes } = await clients.run(group, 'openLoop', load, {});
    if (refused > 0) throw new Error(`positions were refused: ${JSON.stringify(codes)}`);
  }
}

/** Whether a large fleet is sustained: every device reports one position a second, one by one or five at a time. */
import { Clients } from '../support/clients.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { costOf, startFloor, startSamserver } from '../support/subjects.mjs';
import { Table } from '../support/table.mjs';

/** `everyS`: a report of as many positions. */
const CASES = [
  { name: '3,000 devices, one by one', devices: 3_000, everyS: 1 },
  { name: '5,000 devices, in batches of 5', devices: 5_000, everyS: 5 },
];
const MOST_DEVICES = 5_000;
const LEAST_SECONDS = 20;
const WARM_UP_S = 5;

export const about = {
  title: 'Large fleets',
  text: 'Socket.IO, one position of each device a second. The aims: nothing is refused, and p99 is at most 500 ms, with the load on the same two cores.',
};

export async function run({ programs, revisions, seconds, rounds, progress }) {
  const clients = await Clients.start(programs);
  progress(`making ${MOST_DEVICES} vehicles for each revision`);
  const subjects = [await startFloor(programs, MOST_DEVICES)];
  for (const revision of revisions) subjects.push(await startSamserver(programs, revision, MOST_DEVICES));
  for (const { name, kinds, devices } of subjects)
    for (const { devices: count } of CASES) {
      const addresses = devices.slice(0, count).map((token) => ({ ...kinds.socket, token }));
      await clients.define(`${name} ${count}`, 'socket', addresses);
    }
  const table = new Table({
    title: `Open loop, ${Math.max(LEAST_SECONDS, seconds)} s`,
    metrics: [
      { name: 'rate', title: 'positions/s', digits: 0 },
      { name: 'serviceMs', title: 'service CPU, ms a position', digits: 4, better: 'lower' },
      { name: 'databaseMs', title: 'database CPU, ms a position', digits: 4, better: 'lower' },
      { name: 'clientsMs', title: 'clients CPU, ms a position', digits: 4 },
      { name: 'p50Ms', title: 'p50 ms', digits: 1 },
      { name: 'p99Ms', title: 'p99 ms', digits: 1 },
      { name: 'refused', title: 'refused', digits: 0 },
    ],
    cost: 'totalMs',
  });
  for (let round = -1; round < rounds; round += 1)
    for (const { name, devices, everyS } of CASES)
      for (const subject of rotated(subjects, Math.max(0, round))) {
        progress(`${name}: ${roundName(round, rounds)}, ${subject.name}`);
        const load = {
          seconds: round < 0 ? WARM_UP_S : Math.max(LEAST_SECONDS, seconds),
          perSecond: devices / everyS,
          batch: everyS,
          isRealTime: true,
        };
        const result = await clients.run(`${subject.name} ${devices}`, 'openLoop', load, subject.pids);
        if (round < 0) continue;
        table.add(name, subject.name, {
          rate: result.done / result.seconds,
          ...costOf(result),
          p50Ms: result.latencyMs.p50,
          p99Ms: result.latencyMs.p99,
          refused: result.refused,
        });
      }
  return [table];
}

/** Whether a position costs the same with many devices, and with many stored positions. */
import { mongo } from 'mongoose';
import { Clients } from '../support/clients.mjs';
import { fillHistory } from '../support/positions.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { costOf, startSamserver } from '../support/subjects.mjs';
import { Table } from '../support/table.mjs';

const IN_FLIGHT = 50;
const WARM_UP_S = 5;
const FLEETS = [10, 100, 1_000, 5_000];
const STORED = 1_000_000;
/** Vehicles that the stored positions belong to. */
const VEHICLES = 100;

export const about = {
  title: 'Scale',
  text: `Socket.IO, one position an event, closed loop with ${IN_FLIGHT} in flight. The aim is a rate that is flat within 20 %. \`--positions 10000000\` stores more, \`--count 1000\` leaves out the larger fleets.`,
};

export async function run({ programs, revisions, seconds, rounds, values, progress }) {
  const stored = Number(values.positions ?? STORED);
  const fleets = FLEETS.filter((size) => size <= Number(values.count ?? FLEETS.at(-1)));
  const clients = await Clients.start(programs);
  const loads = [];
  for (const revision of revisions) {
    progress(`${revision.name}: making ${fleets.at(-1)} vehicles`);
    const fleet = await startSamserver(programs, revision, fleets.at(-1));
    await define(clients, fleet, 'fleet');
    for (const first of fleets)
      loads.push({ name: `${first} devices`, subject: fleet, group: `${fleet.name} fleet`, first });
    const empty = await startSamserver(programs, revision, VEHICLES);
    loads.push(await define(clients, empty, '0 stored positions'));
    const full = await startSamserver(programs, revision, VEHICLES);
    progress(`${revision.name}: storing ${stored} positions`);
    await fill(full, stored / VEHICLES);
    loads.push(await define(clients, full, `${stored.toLocaleString('en-US')} stored positions`));
  }
  const table = new Table({
    title: 'Closed loop',
    metrics: [
      { name: 'rate', title: 'positions/s', digits: 0, better: 'higher' },
      { name: 'serviceMs', title: 'service CPU, ms a position', digits: 4, better: 'lower' },
      { name: 'databaseMs', title: 'database CPU, ms a position', digits: 4, better: 'lower' },
      { name: 'p99Ms', title: 'p99 ms', digits: 1 },
      { name: 'refusedPct', title: 'refused %', digits: 2 },
    ],
  });
  // Each device sends once before the rounds: the service reads the track of a vehicle that is new to it.
  for (const { name, subject, group, first } of loads) {
    progress(`${name}: warm-up, ${subject.name}`);
    const load = { seconds: WARM_UP_S, perSecond: (first ?? VEHICLES) / WARM_UP_S, first };
    await clients.run(group, 'openLoop', load, {});
    await clients.run(group, 'closedLoop', { seconds: 2, inFlight: IN_FLIGHT, first }, {});
  }
  for (let round = 0; round < rounds; round += 1)
    for (const { name, subject, group, first } of rotated(loads, round)) {
      progress(`${name}: ${roundName(round, rounds)}, ${subject.name}`);
      const load = { seconds, inFlight: IN_FLIGHT, first };
      const result = await clients.run(group, 'closedLoop', load, subject.pids);
      table.add(name, subject.name, {
        rate: result.done / result.seconds,
        ...costOf(result),
        p99Ms: result.latencyMs.p99,
        refusedPct: (result.refused / (result.refused + result.done)) * 100,
      });
    }
  return [table];
}

async function define(clients, subject, name) {
  const group = `${subject.name} ${name}`;
  const addresses = subject.devices.map((token) => ({ ...subject.kinds.socket, token }));
  await clients.define(group, 'socket', addresses);
  return { name, subject, group };
}

/** Older positions than those of the devices, so that these are not late. */
async function fill({ databaseUrl, vehicles }, each) {
  const client = await new mongo.MongoClient(databaseUrl).connect();
  const startMs = Date.now() - 350 * 86_400_000;
  for (const { id } of vehicles) await fillHistory(client.db().collection('positions'), id, each, startMs);
  await client.close();
}

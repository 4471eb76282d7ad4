/** From the device to the watcher, and what the watchers cost. */
import { join } from 'node:path';
import { Clients } from '../support/clients.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { startSamserver } from '../support/subjects.mjs';
import { FLOOR, Table } from '../support/table.mjs';

const FRAMED = 'rooms, frames';
/** As `/live`: at most 4 frames a second. */
const FRAME_MS = 260;
const DEVICES = 1_000;
const WATCHERS = 100;
const MANY = `${DEVICES.toLocaleString('en-US')} devices at 1 Hz, ${WATCHERS} watchers`;
const FEW = 20;
const CASES = [
  { name: MANY, devices: DEVICES, watchers: WATCHERS },
  { name: `${FEW} devices at 1 Hz, 5 watchers of all`, devices: FEW, watchers: 5 },
  { name: `${FEW} devices at 1 Hz, a watcher of each`, devices: FEW, watchers: FEW, copies: 1 },
];

export const about = {
  title: 'Fan-out',
  text: `The floor is bare Socket.IO with one room: it sends each position at once in a frame of its own and stores nothing. "${FRAMED}" gathers the positions of ${FRAME_MS} ms in one frame. The cost of a delivery is the CPU time with watchers less that of the same load without them, divided by the positions that all watchers got. Sent to seen is measured with one clock; the clients need a core for the frames of the floor. The aims: a share of 0.8, p99 of 300 ms; with 20 devices p50 of 10 ms, which is possible for a watcher of one device only: one of all 20 gets a position every 50 ms, and at most 4 frames a second.`,
};

export async function run({ programs, revisions, seconds, rounds, progress }) {
  const clients = await Clients.start(programs);
  progress('starting the programs');
  const subjects = [await startRooms(programs, FLOOR, 0), await startRooms(programs, FRAMED, FRAME_MS)];
  for (const revision of revisions) {
    const samserver = await startSamserver(programs, revision, DEVICES);
    subjects.push({ ...samserver, watcher: { ...samserver.kinds.socket, token: samserver.accessToken } });
  }
  for (const { name, kinds, devices, vehicles, watcher } of subjects) {
    const addresses = devices.map((token) => ({ ...kinds.socket, token }));
    for (const { name: title, devices: count, watchers, copies } of CASES) {
      await clients.define(`${name} ${count}`, 'socket', addresses.slice(0, count));
      const watcherOf = (n) => (copies ? { ...watcher, vehicleIds: [vehicles[n].id] } : watcher);
      await clients.define(
        `${name} ${title}`,
        'watcher',
        Array.from({ length: watchers }, (_, n) => watcherOf(n)),
      );
    }
  }
  const table = new Table({
    title: 'Open loop',
    metrics: [
      { name: 'deliveryUs', title: 'service CPU, µs a delivery', digits: 2, better: 'lower' },
      { name: 'p50Ms', title: 'from device to subscriber, p50 ms', digits: 0, better: 'lower' },
      { name: 'p99Ms', title: 'p99 ms', digits: 0 },
      { name: 'servicePct', title: 'service CPU, % of a core', digits: 0, better: 'lower' },
      { name: 'missing', title: 'not delivered', digits: 0 },
      { name: 'refused', title: 'refused', digits: 0 },
    ],
    main: 'deliveryUs',
    aims: { [MANY]: 0.8 },
  });
  for (let round = -1; round < rounds; round += 1)
    for (const { name, devices, copies } of CASES)
      for (const subject of rotated(subjects, Math.max(0, round))) {
        progress(`${name}: ${roundName(round, rounds)}, ${subject.name}`);
        const load = { seconds: round < 0 ? 2 : seconds, perSecond: devices, isRealTime: true };
        const group = `${subject.name} ${devices}`;
        const alone = await clients.run(group, 'openLoop', load, subject.pids);
        const watchers = { watchers: `${subject.name} ${name}`, ...(copies && { copies }) };
        const watched = await clients.run(group, 'openLoop', { ...load, ...watchers }, subject.pids);
        if (round >= 0) table.add(name, subject.name, valuesOf(alone, watched));
      }
  return [table];
}

function valuesOf(alone, { seen, cpuS, seconds, done, refused }) {
  const extraS = cpuS.service - alone.cpuS.service;
  return {
    // With few positions the difference is within the resolution of the clock.
    ...(done >= DEVICES && extraS > 0 && { deliveryUs: (extraS * 1e6) / seen.deliveries }),
    p50Ms: seen.latencyMs.p50,
    p99Ms: seen.latencyMs.p99,
    servicePct: (cpuS.service / seconds) * 100,
    missing: seen.missing,
    refused,
  };
}

async function startRooms(programs, name, frameMs) {
  const script = join(import.meta.dirname, '../support/bare-rooms.mjs');
  const { pid, message } = await programs.fork(script, [String(frameMs)]);
  const tokens = Array.from({ length: DEVICES }, (_, n) => n.toString(16).padStart(24, '0'));
  return {
    name,
    pids: { service: pid },
    kinds: { socket: message },
    watcher: message,
    vehicles: tokens.map((id) => ({ id })),
    devices: tokens,
  };
}

/** The programs that several parts measure. Each has a database process of its own. */
import { join } from 'node:path';
import { makeFleet } from './fleet.mjs';
import { FLOOR } from './table.mjs';

/** The floor of `ingest`. @param count number of vehicles; a token is the id of one */
export async function startFloor(programs, count) {
  const database = await programs.startDatabase();
  const script = join(import.meta.dirname, 'floor.mjs');
  const { pid, message } = await programs.fork(script, [database.urlOf('floor')]);
  const { port } = message;
  return {
    name: FLOOR,
    pids: { service: pid, database: database.pid },
    kinds: { http: { port }, socket: { port } },
    devices: Array.from({ length: count }, (_, n) => n.toString(16).padStart(24, '0')),
  };
}

/** A device of a closed loop sends as fast as it is answered; the default rates are for real devices. */
const RATES = {
  SOCKET_EVENTS_PER_S: '100000',
  SOCKET_EVENT_BURST: '100000',
  JSON_BYTES_PER_S: '1000000000',
};

/** The service of a revision, with vehicles. */
export async function startSamserver(programs, { name, root }, count) {
  const database = await programs.startDatabase(root);
  const databaseUrl = database.urlOf('samserver');
  const service = await programs.startService({ root, env: { ...RATES, MONGODB_URL: databaseUrl } });
  const { vehicles, accessToken } = await makeFleet(service.url, count);
  return {
    name,
    service,
    accessToken,
    databaseUrl,
    pids: { service: service.pid, database: database.pid },
    kinds: { http: { port: service.http }, socket: { port: service.socket } },
    vehicles,
    devices: vehicles.map(({ token }) => token),
  };
}

/** CPU time for one position (or request) of a load, ms: of each process, and `totalMs` of service and database. */
export function costOf({ done, cpuS }) {
  const ms = (seconds) => (done > 0 ? (seconds * 1_000) / done : undefined);
  const { service, database = 0, clients } = cpuS;
  return {
    serviceMs: ms(service),
    databaseMs: ms(database),
    totalMs: ms(service + database),
    clientsMs: ms(clients),
  };
}

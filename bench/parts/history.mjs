/** The history of one vehicle as JSON pages and as files, beside a driver cursor that makes the same bytes. */
import { Agent, request } from 'node:http';
import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import { mongo } from 'mongoose';
import { fillHistory } from '../support/positions.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { startSamserver } from '../support/subjects.mjs';
import { FLOOR, Table } from '../support/table.mjs';
import { cpuSeconds, watchMemory } from '../support/usage.mjs';

const MOST = 10_000_000;
const PAGE = 5_000;
const CALL_SIGN = 'B-0';
const AIM = 0.6;
const LAST_PAGE = `last page of ${PAGE.toLocaleString('en-US')}`;
const CASES = [
  { name: 'JSON pages', read: readPages },
  { name: 'CSV', read: (subject, onData) => download(subject, '?format=csv', onData) },
  { name: 'GPX', read: (subject, onData) => download(subject, '?format=gpx', onData) },
  { name: 'GeoJSON', read: (subject, onData) => download(subject, '?format=geojson', onData) },
  { name: LAST_PAGE, read: (subject, onData) => download(subject, subject.lastPage, onData) },
];

export const about = {
  title: 'History',
  text: `The floor is a driver cursor over the same documents, written as the same bytes with a template (\`bench/support/history-floor.mjs\`). The bench compares the bytes of both. \`--positions 2600000\` is a month of one vehicle.`,
};

export async function run({ programs, revisions, rounds, values, progress }) {
  const count = Number(values.positions ?? 100_000);
  if (!Number.isInteger(count) || count < PAGE || count > MOST)
    throw new Error(`--positions: ${PAGE} to ${MOST.toLocaleString('en-US')}`);
  progress(`storing ${count} positions for each program`);
  const subjects = [];
  for (const revision of revisions) {
    const samserver = await startSamserver(programs, revision, 1);
    const { id } = samserver.vehicles[0];
    await fill(samserver.databaseUrl, id, count);
    const path = `/api/v1/vehicles/${id}/positions`;
    subjects.push({
      ...samserver,
      port: samserver.service.http,
      path,
      agent: new Agent({ keepAlive: true }),
    });
  }
  subjects.unshift(await startFloor(programs, subjects[0].vehicles[0].id, count));
  const from = new Date(startMs + (count - PAGE) * 1_000).toISOString();
  for (const subject of subjects) subject.lastPage = `?limit=${PAGE}&from=${from}`;
  for (const { name, read } of CASES) await expectSameBytes(subjects, name, read);

  const table = new Table({
    title: `${count.toLocaleString('en-US')} positions of one vehicle`,
    metrics: [
      { name: 'seconds', title: 's', digits: 2, better: 'lower' },
      { name: 'serviceS', title: 'service CPU, s', digits: 2, better: 'lower' },
      { name: 'databaseS', title: 'database CPU, s', digits: 2, better: 'lower' },
      { name: 'megabytes', title: 'MB', digits: 1 },
      { name: 'peakMb', title: 'peak memory of the service, MB', digits: 0 },
    ],
    main: 'seconds',
    cost: 'totalS',
    aims: Object.fromEntries(CASES.slice(0, 3).map(({ name }) => [name, AIM])),
  });
  for (let round = 0; round < rounds; round += 1)
    for (const { name, read } of CASES)
      for (const subject of rotated(subjects, round)) {
        progress(`${name}: ${roundName(round, rounds)}, ${subject.name}`);
        table.add(name, subject.name, await measure(subject, read));
      }
  return [table];
}

async function measure(subject, read) {
  const { service, database } = subject.pids;
  const memory = watchMemory(service);
  const before = [cpuSeconds(service), cpuSeconds(database)];
  const startMs = performance.now();
  let bytes = 0;
  await read(subject, (chunk) => (bytes += chunk.length));
  const seconds = (performance.now() - startMs) / 1_000;
  const serviceS = cpuSeconds(service) - before[0];
  const databaseS = cpuSeconds(database) - before[1];
  return {
    seconds,
    serviceS,
    databaseS,
    totalS: serviceS + databaseS,
    megabytes: bytes / 1e6,
    peakMb: memory.end(),
  };
}

async function startFloor(programs, vehicleId, count) {
  const database = await programs.startDatabase();
  const url = database.urlOf('floor');
  await fill(url, vehicleId, count, true);
  const script = join(import.meta.dirname, '../support/history-floor.mjs');
  const { pid, message } = await programs.fork(script, [url, vehicleId, CALL_SIGN]);
  const pids = { service: pid, database: database.pid };
  return { name: FLOOR, pids, port: message.port, path: '/', agent: new Agent({ keepAlive: true }) };
}

/** The same times for all programs, so that their answers are the same bytes. */
const startMs = Date.UTC(2026, 9, 1);

/** @param isNew the floor's database has no collection yet */
async function fill(url, vehicleId, count, isNew = false) {
  const client = await new mongo.MongoClient(url).connect();
  const clusteredIndex = { key: { _id: 1 }, unique: true };
  if (isNew) await client.db().createCollection('positions', { clusteredIndex });
  await fillHistory(client.db().collection('positions'), vehicleId, count, startMs);
  await client.close();
}

/** Reads page after page, as a client does. */
async function readPages(subject, onData) {
  let cursor = '';
  while (cursor !== null) {
    const chunks = [];
    const query = `?limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    await download(subject, query, (chunk) => {
      chunks.push(chunk);
      onData(chunk);
    });
    // Only the end of the page is parsed: the bench must not cost more than the service.
    const end = globalThis.Buffer.concat(chunks.slice(-2)).toString();
    cursor = JSON.parse(`{${end.slice(end.lastIndexOf('"nextCursor"'))}`).nextCursor;
  }
}

function download({ port, path, accessToken, agent }, query, onData) {
  return new Promise((resolve, reject) => {
    const headers = { ...(accessToken && { authorization: `Bearer ${accessToken}` }) };
    const sent = request({ host: '127.0.0.1', port, path: `${path}${query}`, headers, agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${path}${query}: ${response.statusCode}`));
      response.on('data', onData);
      response.on('end', resolve);
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** The answers differ only in the time of the file, the cursor and the id of the vehicle. */
async function expectSameBytes(subjects, name, read) {
  const hashes = [];
  for (const subject of subjects) {
    const chunks = [];
    await read(subject, (chunk) => chunks.push(chunk));
    const text = globalThis.Buffer.concat(chunks)
      .toString()
      .replace(/"(nextCursor|vehicleId)":("[^"]*"|null)/g, '')
      .replace(/<metadata>.*<\/metadata>|<desc>.*<\/desc>/g, '');
    hashes.push(createHash('sha256').update(text).digest('hex'));
  }
  if (new Set(hashes).size > 1) throw new Error(`${name}: the programs give different bytes`);
}

/** From the start of the process to the first 200 of `/ready`, and the memory of the idle process after it. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, symlinkSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/programs.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { FLOOR, Table } from '../support/table.mjs';
import { cpuSeconds, pssMb } from '../support/usage.mjs';

const ASK_EVERY_MS = 5;
const IDLE_MS = 3_000;
const EMPTY_NEST = join(import.meta.dirname, '../support/empty-nest.mjs');

const BUNDLE = 'docker/bundle.mjs';

export const about = {
  title: 'Start',
  text: `The floor is an empty NestJS application with one route. Samserver starts with the embedded database inside its process, with a database of its own, and so as the image has it (docker/bundle.mjs); all have started before. Memory is taken ${IDLE_MS / 1_000} s after the start. The aim is a start in at most 1.5 times the time of the floor (a share of 0.67) and 1.5 s.`,
};

export async function run({ programs, revisions, rounds, progress }) {
  const subjects = [];
  for (const { name, root } of revisions) {
    const database = await programs.startDatabase(root);
    const embedded = { DATA_DIR: await programs.directory() };
    const separate = { MONGODB_URL: database.urlOf('samserver') };
    subjects.push(
      { caseName: 'embedded database', name, root, env: embedded },
      { caseName: 'database process', name, root, env: separate },
    );
    if (existsSync(join(root, BUNDLE)))
      subjects.push({ caseName: 'bundle', name, root: await makeBundle(programs, root), env: separate });
  }
  const table = new Table({
    title: 'Start',
    metrics: [
      { name: 'startS', title: 'to /ready, s', digits: 2, better: 'lower' },
      { name: 'cpuS', title: 'CPU until then, s', digits: 2, better: 'lower' },
      { name: 'memoryMb', title: 'idle memory (PSS), MB', digits: 0, better: 'lower' },
    ],
    main: 'startS',
    aims: { 'embedded database': 0.67, 'database process': 0.67, bundle: 0.67 },
  });
  for (const { root, env } of subjects)
    await programs.stop((await programs.startService({ root, env })).child);
  for (let round = 0; round < rounds; round += 1) {
    const floor = await measure(programs, startEmptyNest);
    for (const caseName of new Set(subjects.map((subject) => subject.caseName)))
      table.add(caseName, FLOOR, floor);
    for (const { caseName, name, root, env } of rotated(subjects, round)) {
      progress(`start: ${roundName(round, rounds)}, ${name}, ${caseName}`);
      const start = async (port) => programs.startService({ root, env, port, isAwaited: false });
      table.add(caseName, name, await measure(programs, start));
    }
  }
  return [table];

  function startEmptyNest(port) {
    const child = spawn(process.execPath, [EMPTY_NEST, String(port)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return programs.own(child, 'the empty NestJS application');
  }
}

/** @returns a directory with what the image has of a clone */
async function makeBundle(programs, root) {
  const directory = await programs.directory();
  for (const name of ['dist', 'package.json'])
    cpSync(join(root, name), join(directory, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  execFileSync(process.execPath, [join(root, BUNDLE), join(directory, 'dist')]);
  return directory;
}

async function measure(programs, start) {
  const port = await freePort();
  const startMs = performance.now();
  const { child, pid } = await start(port);
  while (!(await isReady(port))) await sleep(ASK_EVERY_MS);
  const values = { startS: (performance.now() - startMs) / 1_000, cpuS: cpuSeconds(pid) };
  await sleep(IDLE_MS);
  values.memoryMb = pssMb(pid);
  await programs.stop(child);
  return values;
}

/** Not `fetch`: its connection pool costs more than the request. */
function isReady(port) {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/ready', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}

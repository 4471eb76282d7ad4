/**
 * What the boxes wait for while both servers run: the old server of the tests, Samserver and nginx with the include of
 * `samserver front-door`, on one database. The same boxes post through the same nginx; only the plan changes between the runs.
 * Needs nginx.
 */
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, URL } from 'node:url';
import mongoose from 'mongoose';
import { logIn } from '../support/fleet.mjs';
import { freePort, isOk, until } from '../support/programs.mjs';
import { rotated, roundName } from '../support/statistics.mjs';
import { FLOOR, Table } from '../support/table.mjs';

const BOXES = 16;
const LEAST_SECONDS = 8;
const WARM_UP_S = 4;
const SECRET = 'mirror-secret-of-the-bench-0123456789abcdef';
const BOX_SCRIPT = fileURLToPath(new URL('../support/box-process.mjs', import.meta.url));
const OLD_SERVER = fileURLToPath(new URL('../../test/old-server/serve.mjs', import.meta.url));

/** Options of `front-door apply`. The floor is the old server without mirror and tee. */
const PLANS = {
  [FLOOR]: ['--share', 'none', '--mirror', 'off'],
  mirror: ['--share', 'none', '--mirror', 'on'],
  tee: ['--share', 'all', '--mirror', 'off'],
};

export const about = {
  title: 'Mirror and tee beside the old server',
  text: `${BOXES} boxes at their real rates: a position a second each, and a post of two pictures every 700 ms, through nginx. The floor: the old server answers, nothing is mirrored. Mirror: the old server answers, and nginx sends a copy to Samserver. Tee: Samserver answers, and passes each post on to the old server. "Times the floor" is in the same round. The old server is the one of the tests, with its libraries. All programs and the boxes share the cores named above.`,
};

export async function run({ programs, revisions, seconds, rounds, progress }) {
  const table = new Table({
    title: `${BOXES} boxes for ${Math.max(LEAST_SECONDS, seconds)} s`,
    metrics: [
      { name: 'posts', title: 'posts/s', digits: 1 },
      { name: 'p50Ms', title: 'p50 ms', digits: 1, better: 'lower' },
      { name: 'p50Ratio', title: 'p50, times the floor', digits: 2, better: 'lower' },
      { name: 'p99Ms', title: 'p99 ms', digits: 0, better: 'lower' },
      { name: 'p99Ratio', title: 'p99, times the floor', digits: 2, better: 'lower' },
      { name: 'maxMs', title: 'slowest ms', digits: 0 },
      { name: 'failed', title: 'not acknowledged', digits: 0 },
    ],
  });
  const kinds = { positions: 'positions', pictures: 'posts of two pictures' };
  const [{ root }] = revisions;
  const servers = await start(programs, root, progress);
  const { child } = await programs.fork(BOX_SCRIPT);
  for (let round = -1; round < rounds; round += 1) {
    const results = {};
    for (const plan of rotated(Object.keys(PLANS), Math.max(round, 0))) {
      progress(`${plan}: ${roundName(round, rounds)}`);
      await servers.apply(...PLANS[plan]);
      await until(() => servers.isDrained(), 'the tee has waiting posts');
      results[plan] = await load(child, servers, round < 0 ? WARM_UP_S : Math.max(LEAST_SECONDS, seconds));
    }
    if (round < 0) continue;
    for (const [kind, title] of Object.entries(kinds))
      for (const plan of Object.keys(PLANS)) {
        const [own, floor] = [results[plan][kind], results[FLOOR][kind]];
        const ratios = { p50Ratio: own.p50Ms / floor.p50Ms, p99Ratio: own.p99Ms / floor.p99Ms };
        table.add(title, plan, { ...own, ...(plan !== FLOOR && ratios) });
      }
  }
  return [table];
}

async function load(child, { http, codes }, seconds) {
  child.send({ port: http, codes, seconds, hasPictures: true });
  const [{ result, error }] = await once(child, 'message');
  if (error) throw new Error(error);
  const of = ({ count, statuses, latencyMs: { p50, p99, max } }) => ({
    ...{ posts: count / seconds, p50Ms: p50, p99Ms: p99, maxMs: max },
    failed: count - (statuses[200] ?? 0),
  });
  return { positions: of(result.positions), pictures: of(result.pictures) };
}

async function start(programs, root, progress) {
  progress('starting both servers and nginx');
  const database = await programs.startDatabase(root);
  const url = database.urlOf('samserver');
  const codes = Array.from({ length: BOXES }, (_, n) => String(300 + n));
  await addAmbulances(url, codes);
  const directory = await programs.directory();
  // Workers of nginx are another user.
  await chmod(directory, 0o755);
  await mkdir(join(directory, 'server'));
  const blue = { http: await freePort(), sockets: await freePort() };
  await programs.spawn(process.execPath, [OLD_SERVER], {
    cwd: join(directory, 'server'),
    env: {
      OLD_MONGODB_URL: url,
      OLD_HTTP_PORT: String(blue.http),
      OLD_SOCKET_PORT: String(blue.sockets),
    },
    ready: /the old server is up/,
  });
  const opsToken = 'ops-token-of-the-bench-0123456789abcdef';
  const green = await programs.startService({
    root,
    env: {
      MONGODB_URL: url,
      IMAGE_DIR: await programs.directory(),
      IMAGE_MIN_FREE_PCT: '0',
      TRUST_PROXY: '127.0.0.1',
      OPS_TOKEN: opsToken,
      LEGACY_CLIENTS: 'on',
      LEGACY_ROLES: 'old',
      LEGACY_MIRROR_SECRET: SECRET,
      LEGACY_TEE_URL: `http://127.0.0.1:${blue.http}`,
      LEGACY_SPOOL_DIR: join(directory, 'spool'),
      LEGACY_SHADOW_DIR: join(directory, 'shadow'),
    },
  });
  const { api } = await logIn(green.url);
  await until(
    async () => (await api('GET', 'vehicles?limit=100')).items.length === codes.length,
    'Samserver does not know the boxes',
  );
  const nginx = await startNginx(programs, directory);
  const apply = (...options) => nginx.apply(root, options);
  await apply(
    ...['--blue', `127.0.0.1:${blue.http},127.0.0.1:${blue.sockets}`],
    ...['--green', `127.0.0.1:${green.http},127.0.0.1:${green.socket}`],
    ...['--share', 'none', '--mirror-secret-file', join(directory, 'secret')],
  );
  await until(() => isOk(`http://127.0.0.1:${nginx.http}/`), 'nginx does not reach the old server');
  const isDrained = async () => {
    const headers = { authorization: `Bearer ${opsToken}` };
    const answer = await globalThis.fetch(`${green.url}/api/v1/ops/legacy-tee`, { headers });
    return (await answer.json()).isDrained === true;
  };
  return { http: nginx.http, codes, apply, isDrained };
}

async function addAmbulances(url, codes) {
  const connection = await mongoose.createConnection(url).asPromise();
  const documents = codes.map((code) => ({
    ...{ name1: `Unit ${code}`, name2: '', number: `1AB-${code}`, ambulance_box_code: code },
    ...{ isactive: 1, is_online: 1, isdeleted: false },
  }));
  await connection.collection('ambulances').insertMany(documents);
  await connection.close();
}

async function startNginx(programs, directory) {
  const ports = [await freePort(), await freePort(), await freePort()];
  for (const name of ['bin', 'front-door']) await mkdir(join(directory, name));
  await writeFile(join(directory, 'secret'), `${SECRET}\n`, { mode: 0o600 });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  await writeFile(
    join(directory, 'nginx.conf'),
    `pid ${directory}/nginx.pid; error_log ${directory}/error.log notice; worker_processes 2;
events { worker_connections 2048; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join(' ')}
  include ${directory}/front-door/*.conf;
}
`,
  );
  // `samserver front-door` calls these. The bench has no redirect, and must not touch the tables of this machine.
  const scripts = {
    nginx: `PATH=/usr/sbin:/usr/local/sbin:/usr/bin:/bin exec nginx -c ${directory}/nginx.conf "$@"`,
    nft: '[ "$1" != list ] || { echo "No such file" >&2; exit 1; }',
  };
  for (const [name, script] of Object.entries(scripts))
    await writeFile(join(directory, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  programs.own(
    spawn(join(directory, 'bin/nginx'), ['-g', 'daemon off;'], { stdio: ['ignore', 'ignore', 'inherit'] }),
    'nginx',
  );
  const readPid = () => readFile(join(directory, 'nginx.pid'), 'utf8').catch(() => '');
  await until(async () => (await readPid()).trim() !== '', 'nginx is not up');
  const PATH = `${join(directory, 'bin')}:${process.env.PATH ?? ''}`;
  const own = [
    ...['--directory', join(directory, 'front-door'), '--ports', ports.join(',')],
    ...['--spool', join(directory, 'spool-of-nginx'), '--logs', directory],
  ];
  return {
    http: ports[0],
    apply: (root, options) => programs.command(root, { PATH }, 'front-door', 'apply', ...own, ...options),
  };
}

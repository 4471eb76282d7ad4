/**
 * Measures speed and memory of `samserver images scan`, `manifest` and `verify` on a directory with the old server's
 * layout. Reference in the same run: `sha256sum` over the same files, one process per core, with a warm cache. Aim: 0.9 of
 * its speed, under 120 MB.
 *
 *   npm run build && node bench/images.mjs [--files 5000] [--kilobytes 40] [--tampered 20]
 */
import { Buffer } from 'node:buffer';
import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { fileURLToPath, URL } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import sharp from 'sharp';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const MAX_BYTES = 2_100_000_000;
const BOXES = ['291', '292', '293', '294'];

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '5000' },
    kilobytes: { type: 'string', default: '40' },
    tampered: { type: 'string', default: '20' },
    role: { type: 'string' },
    at: { type: 'string' },
  },
});
await (values.role === 'database' ? runDatabase(values.at) : run());

async function runDatabase(directory) {
  const { serveEmbeddedMongo } = await import('../dist/embedded-mongo/index.js');
  const served = await serveEmbeddedMongo({ directory, noSync: true });
  process.send({ uri: `${served.uri}samserver_test_bench?retryWrites=false` });
}

async function run() {
  const count = Number(values.files);
  const sizeBytes = Number(values.kilobytes) * 1_000;
  if (!(count >= 100 && count * sizeBytes <= MAX_BYTES))
    throw new Error('--files must be at least 100, and all files together at most 2.1 GB');
  const directory = await mkdtemp(join(tmpdir(), 'samserver-bench-'));
  const volume = join(directory, 'volume');
  await mkdir(volume);
  const database = fork(fileURLToPath(import.meta.url), [
    '--role',
    'database',
    '--at',
    join(directory, 'db'),
  ]);
  try {
    const [{ uri }] = await once(database, 'message');
    const paths = await writePictures(volume, count, sizeBytes);
    print(`${count} files of ${values.kilobytes} kB; ${availableParallelism()} cores`);
    const env = {
      PATH: process.env.PATH,
      MONGODB_URL: uri,
      JWT_SECRET: 'a secret of the bench, more than 32 bytes',
      IMAGE_DIR: volume,
    };
    await samserver(env, 'schema', 'up');
    await measure(env, volume, count, sizeBytes);
    await tamper(env, volume, paths, Number(values.tampered));
  } finally {
    database.kill();
    await once(database, 'exit');
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(env, volume, count, sizeBytes) {
  const total = (count * sizeBytes) / 1e6;
  const show = (name, { ms, peakMb }, floorMs) =>
    print(
      `${name.padEnd(14)} ${(ms / 1_000).toFixed(2).padStart(7)} s  ${Math.round(count / (ms / 1_000))} files/s  ` +
        `${Math.round(total / (ms / 1_000))} MB/s` +
        (peakMb === undefined ? '' : `  peak ${peakMb} MB`) +
        (floorMs === undefined ? '' : `  ${(floorMs / ms).toFixed(2)} of sha256sum's speed`),
    );
  // The first run warms the cache, so that the disk is not measured.
  await sums(volume);
  let floorMs = Math.min(await sums(volume), await sums(volume));
  show('sha256sum', { ms: floorMs });
  const scan = await samserver(env, 'images', 'scan');
  expect(scan, 0, { adopted: count });
  show('scan', scan, floorMs);
  const again = await samserver(env, 'images', 'scan');
  expect(again, 0, { adopted: 0, known: count });
  show('scan again', again);
  const manifest = await samserver(env, 'images', 'manifest');
  expect(manifest, 0, { files: count });
  show('manifest', manifest, floorMs);
  let best = null;
  for (let round = 0; round < 3; round += 1) {
    // Alternating with the reference, so that other load on the machine affects both.
    floorMs = Math.min(floorMs, await sums(volume));
    const verify = await samserver(env, 'images', 'verify', '--no-database');
    expect(verify, 0, { read: count, mismatched: 0 });
    if (best === null || verify.ms < best.ms) best = verify;
  }
  show('verify', best, floorMs);
  const both = await samserver(env, 'images', 'verify');
  expect(both, 0, { read: count, mismatched: 0 });
  show('and database', both, floorMs);
}

/** Changes `each` files in each way. All of them must be found, and no other. */
async function tamper(env, volume, paths, each) {
  const [missing, changed, corrupt] = [0, 1, 2].map((n) => paths.slice(n * each, (n + 1) * each));
  for (const path of missing) await rm(join(volume, path));
  for (const path of changed) await writeFile(join(volume, path), 'something else');
  for (const path of corrupt) {
    const { atime, mtime, size } = await stat(join(volume, path));
    const file = await open(join(volume, path), 'r+');
    await file.write(Buffer.from([0x5a]), 0, 1, size - 100);
    await file.close();
    await utimes(join(volume, path), atime, mtime);
  }
  for (let n = 0; n < each; n += 1) await writeFile(join(volume, `extra-${n}.jpg`), 'x');
  const verify = await samserver(env, 'images', 'verify', '--no-database');
  expect(verify, 1, { findings: { missing: each, changed: each, corrupt: each, extra: each } });
  print(`tampered: ${each} missing, changed, corrupt and extra each, all found, no other finding`);
}

/** Runs the command. `ms` is the time of the whole process, `peakMb` the peak of its resident memory. */
async function samserver(env, ...args) {
  const isJson = args[0] === 'images';
  const startedMs = performance.now();
  const child = spawn(process.execPath, [CLI, ...args, ...(isJson ? ['--json'] : [])], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  let peakMb = 0;
  const watch = setInterval(() => (peakMb = Math.max(peakMb, residentMb(child.pid))), 20);
  const [code] = await once(child, 'close');
  clearInterval(watch);
  return { ms: performance.now() - startedMs, peakMb, code, result: isJson ? JSON.parse(output) : null };
}

function residentMb(pid) {
  try {
    return Math.round(
      Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024,
    );
  } catch {
    return 0;
  }
}

function expect({ code, result }, wantedCode, wanted) {
  const seen = Object.fromEntries(Object.keys(wanted).map((key) => [key, result[key]]));
  if (code !== wantedCode || !isDeepStrictEqual(seen, wanted))
    throw new Error(
      `expected ${wantedCode} ${JSON.stringify(wanted)}, got ${code} ${JSON.stringify(result)}`,
    );
}

async function sums(volume) {
  const startedMs = performance.now();
  const command = `find . -type f -name '*.jpg' -print0 | xargs -0 -P ${availableParallelism()} -n 64 sha256sum > /dev/null`;
  execFileSync('sh', ['-c', command], { cwd: volume });
  return performance.now() - startedMs;
}

async function writePictures(volume, count, sizeBytes) {
  const canvas = sharp({ create: { width: 64, height: 48, channels: 3, background: '#884422' } });
  const image = await canvas.jpeg().toBuffer();
  const bytes = Buffer.concat([image, Buffer.alloc(sizeBytes - image.length, 7)]);
  const paths = [];
  for (let n = 0; n < count; n += 1) {
    const path = `${BOXES[n % 4]}/2026/${1 + (n % 12)}/${1 + (n % 28)}/${n % 24}_${n % 60}/${n}.jpg`;
    bytes.writeUInt32BE(n, bytes.length - 8);
    await mkdir(dirname(join(volume, path)), { recursive: true });
    await writeFile(join(volume, path), bytes);
    paths.push(path);
  }
  if ((await readdir(volume)).length !== BOXES.length) throw new Error('the test directory is incomplete');
  return paths;
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

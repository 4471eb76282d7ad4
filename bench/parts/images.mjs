/**
 * Speed and memory of `samserver images scan`, `manifest` and `verify` on a directory with the old server's layout, beside
 * `sha256sum` over the same files, one process per core, with a warm cache. At the end some files are changed in each way:
 * all of them must be found, and no other.
 */
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { mkdir, open, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import sharp from 'sharp';
import { commandEnvironment, expect, samserver } from '../support/image-commands.mjs';
import { roundName } from '../support/statistics.mjs';
import { FLOOR, Table } from '../support/table.mjs';

const FILE_BYTES = 40_000;
const MOST_FILES = 50_000;
const TAMPERED = 20;
const BOXES = ['291', '292', '293', '294'];
const AIM = 0.9;
const CASES = [
  { name: 'scan again', args: ['scan'], expected: (files) => ({ adopted: 0, known: files }) },
  { name: 'manifest', args: ['manifest'], expected: (files) => ({ files }) },
  {
    name: 'verify',
    args: ['verify', '--no-database'],
    expected: (files) => ({ read: files, mismatched: 0 }),
    aim: AIM,
  },
  { name: 'verify and database', args: ['verify'], expected: (files) => ({ read: files, mismatched: 0 }) },
];

export const about = {
  title: 'Pictures on disk',
  text: `The floor is \`sha256sum\` over the same files, one process per core, with a warm cache. \`--files\` of ${FILE_BYTES / 1_000} kB each. The aims: a share of ${AIM}, and a peak under 120 MB.`,
};

export async function run({ programs, revisions, rounds, values, progress }) {
  const files = Number(values.files ?? 5_000);
  if (!(files >= 100 && files <= MOST_FILES)) throw new Error(`--files: 100 to ${MOST_FILES}`);
  const table = new Table({
    title: `${files.toLocaleString('en-US')} files`,
    metrics: [
      { name: 'seconds', title: 's', digits: 2, better: 'lower' },
      { name: 'filesPerS', title: 'files/s', digits: 0 },
      { name: 'megabytesPerS', title: 'MB/s', digits: 0 },
      { name: 'peakMb', title: 'peak memory, MB', digits: 0 },
    ],
    main: 'seconds',
    aims: { verify: AIM },
  });
  const add = (caseName, subject, { seconds, peakMb }) =>
    table.add(caseName, subject, {
      seconds,
      filesPerS: files / seconds,
      megabytesPerS: (files * FILE_BYTES) / 1e6 / seconds,
      ...(peakMb !== undefined && { peakMb }),
    });
  const subjects = [];
  for (const { name, root } of revisions) {
    progress(`${name}: writing ${files} files`);
    const volume = await programs.directory();
    const paths = await writePictures(volume, files);
    const env = await commandEnvironment({ programs, root, name: 'images', volume });
    // The first run warms the cache, so that the disk is not measured.
    sum(volume);
    add('scan', FLOOR, { seconds: sum(volume) });
    const scan = await samserver(root, env, 'images', 'scan');
    expect(scan, 0, { adopted: files });
    add('scan', name, scan);
    subjects.push({ name, root, volume, paths, env });
  }
  for (let round = 0; round < rounds; round += 1)
    for (const { name, args, expected } of CASES)
      for (const subject of subjects) {
        progress(`${name}: ${roundName(round, rounds)}, ${subject.name}`);
        if (subject === subjects[0]) add(name, FLOOR, { seconds: sum(subject.volume) });
        const result = await samserver(subject.root, subject.env, 'images', ...args);
        expect(result, 0, expected(files));
        add(name, subject.name, result);
      }
  for (const subject of subjects) await tamper(subject);
  return [table];
}

/** Changes `TAMPERED` files in each way. */
async function tamper({ root, env, volume, paths }) {
  const [missing, changed, corrupt] = [0, 1, 2].map((n) => paths.slice(n * TAMPERED, (n + 1) * TAMPERED));
  for (const path of missing) await rm(join(volume, path));
  for (const path of changed) await writeFile(join(volume, path), 'something else');
  for (const path of corrupt) {
    const { atime, mtime, size } = await stat(join(volume, path));
    const file = await open(join(volume, path), 'r+');
    await file.write(Buffer.from([0x5a]), 0, 1, size - 100);
    await file.close();
    await utimes(join(volume, path), atime, mtime);
  }
  for (let n = 0; n < TAMPERED; n += 1) await writeFile(join(volume, `extra-${n}.jpg`), 'x');
  const verify = await samserver(root, env, 'images', 'verify', '--no-database');
  const each = TAMPERED;
  expect(verify, 1, { findings: { missing: each, changed: each, corrupt: each, extra: each } });
}

/** @returns the time of `sha256sum`, s */
function sum(volume) {
  const startedMs = performance.now();
  const command = `find . -type f -name '*.jpg' -print0 | xargs -0 -P ${availableParallelism()} -n 64 sha256sum > /dev/null`;
  execFileSync('sh', ['-c', command], { cwd: volume });
  return (performance.now() - startedMs) / 1_000;
}

/** @returns the paths of the files, relative to the volume */
async function writePictures(volume, count) {
  const canvas = sharp({ create: { width: 64, height: 48, channels: 3, background: '#884422' } });
  const image = await canvas.jpeg().toBuffer();
  const bytes = Buffer.concat([image, Buffer.alloc(FILE_BYTES - image.length, 7)]);
  const paths = [];
  for (let n = 0; n < count; n += 1) {
    const path = `${BOXES[n % 4]}/2026/${1 + (n % 12)}/${1 + (n % 28)}/${n % 24}_${n % 60}/${n}.jpg`;
    bytes.writeUInt32BE(n, bytes.length - 8);
    await mkdir(dirname(join(volume, path)), { recursive: true });
    await writeFile(join(volume, path), bytes);
    paths.push(path);
  }
  return paths;
}

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Checkpoints } from './checkpoints.js';
import { type ManifestEntry, readEntries } from './entry-lines.js';

const HOUR_MS = 3_600_000;

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'samserver-checkpoints-'))));
afterEach(() => rm(directory, { recursive: true, force: true }));

const entry = (path: string): ManifestEntry => ({ path, sizeBytes: 1, mtimeMs: 2, sha256: 'ab'.repeat(32) });
const pathsOf = async (list: AsyncIterable<ManifestEntry>): Promise<string[]> => {
  const paths: string[] = [];
  for await (const { path } of list) paths.push(path);
  return paths;
};

describe('readEntries', () => {
  it('gives every complete entry, whatever its path contains', async () => {
    const paths = ['a', 'line\nbreak', 'line\u2028break', 'q"\\', '日'.repeat(1_000), '\u0001'.repeat(4_096)];
    // More than one chunk.
    for (let n = 0; n < 2_000; n += 1) paths.push(`291/2026/1/1/0_0/${n}.jpg`);
    const file = join(directory, 'entries');
    await writeFile(file, paths.map((path) => `${JSON.stringify(entry(path))}\n`).join(''));
    expect(await pathsOf(readEntries(file))).toEqual(paths);
  });

  it('skips damaged lines, also one that never ends', async () => {
    const file = join(directory, 'entries');
    const line = `${JSON.stringify(entry('a'))}\n`;
    await writeFile(
      file,
      `${line}no entry\n{"path":1}\n\n${'x'.repeat(300_000)}\n${line}${line.slice(0, 40)}`,
    );
    expect(await pathsOf(readEntries(file))).toEqual(['a', 'a']);
  });
});

describe('Checkpoints', () => {
  const begin = (maxAgeMs?: number) => new Checkpoints(directory, 'checkpoint', maxAgeMs).begin();
  const run = async (...paths: string[]): Promise<void> => {
    const { writer } = await begin();
    for (const path of paths) await writer.add(entry(path));
    await writer.close();
  };

  it('gives the entries of earlier runs, and removes runs that add nothing', async () => {
    await run('a', 'b', 'c');
    await run('a', 'b');
    await run('a', 'b');
    await run();
    const { writer, earlier } = await begin();
    expect(await Promise.all(earlier.map(pathsOf))).toEqual([
      ['a', 'b'],
      ['a', 'b', 'c'],
    ]);
    expect(await readdir(directory)).toHaveLength(3);
    await writer.close();
    await new Checkpoints(directory, 'checkpoint').finishAs(writer, 'files.jsonl');
    expect(await readdir(directory)).toEqual(['files.jsonl']);
  });

  it('reads a file whose last line was cut by a kill', async () => {
    await run('a', 'b');
    await appendFile(join(directory, 'checkpoint-1.jsonl'), '{"path":"c","si');
    const { writer, earlier } = await begin();
    expect(await Promise.all(earlier.map(pathsOf))).toEqual([['a', 'b']]);
    await writer.close();
  });

  it('uses no run that ended too long ago, by a clock that may have jumped', async () => {
    for (const offsetMs of [-25 * HOUR_MS, 25 * HOUR_MS]) {
      await run('a');
      const at = new Date(Date.now() + offsetMs);
      await utimes(join(directory, 'checkpoint-1.jsonl'), at, at);
      const { writer, earlier } = await begin(24 * HOUR_MS);
      expect(earlier).toEqual([]);
      await writer.close();
      await rm(writer.path);
    }
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { comparePaths } from './path-order.js';
import { countFiles, type TreeFault, walkTree } from './tree-walk.js';

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'samserver-walk-'))));
afterEach(() => rm(root, { recursive: true, force: true }));

async function write(path: string): Promise<string> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), path);
  return path;
}

async function walk(): Promise<{ paths: string[]; faults: TreeFault[] }> {
  const faults: TreeFault[] = [];
  const paths: string[] = [];
  for await (const { path } of walkTree(root, (fault) => faults.push(fault))) paths.push(path);
  return { paths, faults };
}

describe('walkTree', () => {
  it('gives the files in the order of their bytes, whatever their names', async () => {
    const names = ['b', 'a/c', 'a-b', 'a.b', 'a/b/c', 'ab', ' ', '-x', 'line\nbreak', 'line\u2028break'];
    names.push(
      '\u001b[31m',
      'q"\\',
      '\uffee',
      '🚑',
      'é',
      'e\u0301',
      '\ufffd',
      '日本/現場.jpg',
      'long'.repeat(60),
    );
    for (const name of names) await write(name);
    const { paths, faults } = await walk();
    expect(paths).toEqual([...names].sort(comparePaths));
    expect(faults).toEqual([]);
  });

  it('reports names that are not UTF-8, links and loops, and follows none of them', async () => {
    await write('in/a.jpg');
    await writeFile(Buffer.concat([Buffer.from(`${root}/in/`), Buffer.from([0xff, 0x2e, 0x6a])]), 'x');
    await mkdir(Buffer.concat([Buffer.from(`${root}/in/`), Buffer.from([0xc3, 0x28])]));
    await symlink('/etc', join(root, 'in/outside'));
    await symlink('..', join(root, 'in/loop'));
    const { paths, faults } = await walk();
    expect(paths).toEqual(['in/a.jpg']);
    expect(faults.map(({ reason }) => reason).sort()).toEqual([
      'symbolic link',
      'symbolic link',
      'the name is not UTF-8',
      'the name is not UTF-8',
    ]);
  });

  it('leaves out what is deleted while it walks, and the files of the service', async () => {
    for (const path of ['a/1', 'b/1', 'b/2', 'c/1', '.samserver/x', '.samserver-volume', 'd/.samserver/y'])
      await write(path);
    const faults: TreeFault[] = [];
    const paths: string[] = [];
    for await (const { path } of walkTree(root, (fault) => faults.push(fault))) {
      paths.push(path);
      if (path === 'a/1') await rm(join(root, 'b/2'));
      if (path === 'b/1') await rm(join(root, 'c'), { recursive: true });
    }
    expect([paths, faults]).toEqual([['a/1', 'b/1', 'd/.samserver/y'], []]);
  });

  it('reports a root that does not exist', async () => {
    await rm(root, { recursive: true });
    expect((await walk()).faults).toEqual([{ path: '.', reason: 'ENOENT' }]);
  });

  it('walks a directory with thousands of files, and counts them', async () => {
    const names = Array.from({ length: 3_000 }, (_, n) => `${(n * 7_919) % 3_000}.jpg`);
    for (const name of names) await writeFile(join(root, name), '');
    await write('z/last');
    expect((await walk()).paths).toEqual([...names.sort(comparePaths), 'z/last']);
    let count = 0;
    await countFiles(root, (files) => (count += files));
    expect(count).toBe(3_001);
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readCgroupMemory } from './cgroup-memory.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'samserver-cgroup-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

// Files of a container with 256 MB.
const V2 = {
  'memory.max': '268435456\n',
  'memory.current': '150000000\n',
  'memory.stat': 'anon 60000000\nfile 90000000\ninactive_file 80000000\nactive_file 10000000\n',
};
const V1 = {
  'memory/memory.limit_in_bytes': '268435456\n',
  'memory/memory.usage_in_bytes': '150000000\n',
  'memory/memory.stat': 'inactive_file 1\ntotal_inactive_file 80000000\n',
};

describe('readCgroupMemory', () => {
  it.each([
    ['2', V2],
    ['1', V1],
  ])('subtracts reclaimable page cache, version %s', async (_version, files) => {
    write(files);
    expect(await readCgroupMemory(root)).toEqual({ usedBytes: 70_000_000, limitBytes: 268_435_456 });
  });

  it.each([
    ['2', { ...V2, 'memory.max': 'max\n' }],
    ['1', { ...V1, 'memory/memory.limit_in_bytes': '9223372036854771712\n' }],
  ])('is null without a limit, version %s', async (_version, files) => {
    write(files);
    expect(await readCgroupMemory(root)).toBeNull();
  });

  it('is null without cgroups', async () => {
    expect(await readCgroupMemory(join(root, 'nothing'))).toBeNull();
  });
});

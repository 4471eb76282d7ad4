import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withRunLock } from './run-lock.js';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'samserver-lock-'))));
afterEach(() => rm(directory, { recursive: true, force: true }));

const unprotected = (reason: string): never => {
  throw new Error(reason);
};

describe('withRunLock', () => {
  it('refuses a second run until the first one ends', async () => {
    const second = (): Promise<string> => withRunLock(directory, unprotected, async () => 'second');
    await withRunLock(directory, unprotected, async () => {
      await expect(second()).rejects.toMatchObject({
        exitCode: 75,
        message: expect.stringContaining(directory),
      });
    });
    expect(await second()).toBe('second');
    expect(await readdir(directory)).toEqual([]);
  });

  it('replaces the lock of a process that was killed', async () => {
    const path = join(directory, 'run-00000000-0000-0000-0000-000000000000.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('listens'))`;
    const owner = spawn(process.execPath, ['-e', script]);
    await once(owner.stdout, 'data');
    await expect(withRunLock(directory, unprotected, async () => 1)).rejects.toMatchObject({ exitCode: 75 });
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    expect(await readdir(directory)).toHaveLength(1);
    expect(await withRunLock(directory, unprotected, async () => readdir(directory))).toHaveLength(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it('locks a directory whose path is too long for a socket', async () => {
    const deep = join(directory, ...Array.from({ length: 5 }, () => 'a'.repeat(50)));
    await withRunLock(deep, unprotected, async () => {
      await expect(withRunLock(deep, unprotected, async () => 1)).rejects.toMatchObject({ exitCode: 75 });
    });
  });

  it('runs without a lock where no socket can be', async () => {
    const reasons: string[] = [];
    // `/proc` takes no files from anyone.
    const result = await withRunLock(
      '/proc/self/fdinfo',
      (reason) => reasons.push(reason),
      async () => 'done',
    );
    expect([result, reasons]).toEqual(['done', [expect.stringMatching(/^E[A-Z]+$/)]]);
  });
});

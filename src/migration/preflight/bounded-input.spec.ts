import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programOutput, readFileEnd, readSmallFile, UnreadableInputError } from './bounded-input.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bounded-input-'));
});
afterAll(() => rm(directory, { recursive: true }));

const path = (name: string): string => join(directory, name);
const run = (script: string, limits: { timeoutMs?: number; maxBytes?: number } = {}): Promise<string> =>
  programOutput('sh', ['-c', script], {
    path: '/usr/bin:/bin',
    timeoutMs: 60_000,
    maxBytes: 1_000,
    signal: new AbortController().signal,
    ...limits,
  });

describe('files', () => {
  it('reads a small file, and refuses a larger one, a directory and a missing one', async () => {
    await writeFile(path('small'), 'text', { mode: 0o640 });
    expect(await readSmallFile(path('small'), 4)).toMatchObject({ text: 'text', mode: 0o640 });
    await expect(readSmallFile(path('small'), 3)).rejects.toThrow(/has 4 bytes; the limit is 3/);
    await expect(readSmallFile(directory, 9)).rejects.toThrow(/is no file/);
    await expect(readSmallFile(path('none'), 9)).rejects.toThrow(/ENOENT/);
  });

  it('does not wait for the writer of a named pipe', async () => {
    execFileSync('mkfifo', [path('pipe')]);
    await expect(readSmallFile(path('pipe'), 9)).rejects.toThrow(/is no file/);
  });

  it('reads the end of a file from the start of a line on', async () => {
    await writeFile(path('log'), 'first\nsecond\nthird\n');
    expect(await readFileEnd(path('log'), 1_000)).toBe('first\nsecond\nthird\n');
    expect(await readFileEnd(path('log'), 9)).toBe('third\n');
  });
});

describe('programOutput', () => {
  it('gives stdout, and no variable of this process', async () => {
    expect(await run('env | grep -v "^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD="')).toBe('PATH=/usr/bin:/bin\n');
  });

  it.each<[string, string, object, RegExp]>([
    ['fails', 'echo x; exit 3', {}, /ended with 3/],
    ['prints too much', 'yes', {}, /more than 1000 bytes/],
    ['does not end', 'sleep 600 & wait', { timeoutMs: 50 }, /no answer within 0\.05 s/],
  ])('refuses a program that %s', async (_, script, limits, message) => {
    await expect(run(script, limits)).rejects.toThrow(message);
  });

  it('names a program that is missing', async () => {
    const options = { path: '/nowhere', timeoutMs: 9_000, maxBytes: 9, signal: new AbortController().signal };
    await expect(programOutput('pm2', [], options)).rejects.toThrow(UnreadableInputError);
    await expect(programOutput('pm2', [], options)).rejects.toThrow('pm2: not installed, or not in PATH');
  });
});

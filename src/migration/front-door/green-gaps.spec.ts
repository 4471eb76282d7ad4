import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readGreenGaps } from './green-gaps.js';

let directory: string;
let log: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'green-gaps-'));
  log = join(directory, 'samserver-mirror-failed.log');
});
afterEach(() => rm(directory, { recursive: true }));

const line = (time: string, address = '203.0.113.1'): string =>
  `${JSON.stringify({ time: `2026-03-01T${time}+00:00`, requestId: 'a', address, path: '/api' })}\n`;
const at = (time: string): number => Date.parse(`2026-03-01T${time}Z`);

it('has no gap with an empty log, and refuses one that does not exist', async () => {
  await expect(readGreenGaps(log)).rejects.toThrow(/ENOENT/);
  await writeFile(log, '');
  expect(await readGreenGaps(log)).toEqual([]);
});

it('joins missed posts with at most 5 s between them, and counts posts and addresses', async () => {
  const lines = [line('10:00:00'), line('10:00:05', '203.0.113.2'), line('10:00:05'), line('10:00:11')];
  await writeFile(log, lines.join(''));
  expect(await readGreenGaps(log)).toEqual([
    {
      fromMs: at('10:00:00'),
      toMs: at('10:00:05'),
      posts: 3,
      addresses: ['203.0.113.1', '203.0.113.2'],
    },
    { fromMs: at('10:00:11'), toMs: at('10:00:11'), posts: 1, addresses: ['203.0.113.1'] },
  ]);
});

it('joins lines of two workers that are in another order', async () => {
  await writeFile(log, line('10:00:02') + line('10:00:01'));
  expect(await readGreenGaps(log)).toMatchObject([
    { fromMs: at('10:00:01'), toMs: at('10:00:02'), posts: 2 },
  ]);
});

it('reads the log before the last rotation too, and leaves out lines that are cut', async () => {
  await writeFile(`${log}.1`, line('09:59:58'));
  await writeFile(log, line('10:00:00'));
  await appendFile(log, '{"time":"2026-03-01T10:');
  expect(await readGreenGaps(log)).toMatchObject([
    { fromMs: at('09:59:58'), toMs: at('10:00:00'), posts: 2 },
  ]);
});

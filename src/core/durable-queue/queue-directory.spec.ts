import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { AbandonedDirectories, DirectoryLostError, QueueDirectory } from './queue-directory.js';

let root: string;
let nowMs: number;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'samserver-queues-'));
  nowMs = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(root, { recursive: true, force: true });
});

describe('the directory of a process', () => {
  it('is not taken over while the process touches it', async () => {
    const [own, other] = [await QueueDirectory.create(root), await QueueDirectory.create(root)];
    const abandoned = new AbandonedDirectories(root);
    for (; nowMs < 60_000; nowMs += 1_000) {
      await other.touch();
      expect(await abandoned.find(own.name)).toEqual([]);
    }
  });

  it('is taken over five seconds after the last touch, with all that it had taken over itself', async () => {
    const [first, second, third] = [
      await QueueDirectory.create(root),
      await QueueDirectory.create(root),
      await QueueDirectory.create(root),
    ];
    await mkdir(join(first.path, 'position'));
    expect((await second.adopt(first.name)).map((path) => basename(path))).toEqual([`adopted-${first.name}`]);
    const abandoned = new AbandonedDirectories(root);
    for (; nowMs <= 5_000; nowMs += 1_000)
      expect(await abandoned.find(third.name)).toEqual(nowMs < 5_000 ? [] : [second.name]);
    const paths = await third.adopt(second.name);
    expect(paths.map((path) => basename(path))).toEqual([`adopted-${first.name}`, `adopted-${second.name}`]);
    expect(await readdir(paths[0] as string)).toEqual(['alive', 'position']);
    expect(await third.adopt(second.name)).toEqual([]);
  });

  it('is taken over whole after a kill in the middle of a takeover', async () => {
    const [first, second, third, fourth] = [
      await QueueDirectory.create(root),
      await QueueDirectory.create(root),
      await QueueDirectory.create(root),
      await QueueDirectory.create(root),
    ];
    await mkdir(join(first.path, 'position'));
    await second.adopt(first.name);
    // The kill comes between the two renames.
    await rename(second.path, join(third.path, `adopted-${second.name}`));
    const paths = await fourth.adopt(third.name);
    expect(paths.map((path) => basename(path))).toEqual(
      [first, second, third].map(({ name }) => `adopted-${name}`),
    );
    expect(await readdir(paths[0] as string)).toContain('position');
  });

  it('is lost for a stalled process that continues after it was taken over', async () => {
    const [stalled, other] = [await QueueDirectory.create(root), await QueueDirectory.create(root)];
    await stalled.assertOwned();
    await other.adopt(stalled.name);
    await expect(stalled.assertOwned()).rejects.toBeInstanceOf(DirectoryLostError);
    await expect(stalled.touch()).rejects.toBeInstanceOf(DirectoryLostError);
  });

  it('can be taken over at once after its release, and is removed when it is empty', async () => {
    const [one, two, own] = [
      await QueueDirectory.create(root),
      await QueueDirectory.create(root),
      await QueueDirectory.create(root),
    ];
    await one.release(false);
    await two.release(true);
    await writeFile(join(root, 'boxes.json'), '[]');
    // Of another queue.
    await mkdir(join(root, 'tee'));
    expect(await new AbandonedDirectories(root).find(own.name)).toEqual([one.name]);
  });
});

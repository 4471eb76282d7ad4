import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SavedList } from './saved-list.js';

let home: string;
let list: SavedList;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'saved-list-'));
  list = new SavedList(home);
});
afterEach(() => rm(home, { recursive: true }));

const other = { name: 'api', status: 'online', env: { SECRET: 'x' }, deep: { is: ['kept', 1.5] } };
const tracking = { name: 'tracking', status: 'online', pm_exec_path: '/a.js' };
const save = (entries: unknown, file = 'dump.pm2'): Promise<void> =>
  writeFile(join(home, file), JSON.stringify(entries, null, 2));
const read = async (file = 'dump.pm2'): Promise<unknown> =>
  JSON.parse(await readFile(join(home, file), 'utf8'));

describe('SavedList', () => {
  it('marks one name in the list and in its backup, and leaves the others as they are', async () => {
    await save([other, tracking, tracking]);
    await save([tracking, other], 'dump.pm2.bak');
    await chmod(join(home, 'dump.pm2'), 0o640);
    expect(await list.isStopped('tracking')).toBe(false);
    await list.setStatus('tracking', 'stopped');
    const stopped = { ...tracking, status: 'stopped' };
    expect(await read()).toEqual([other, stopped, stopped]);
    expect(await read('dump.pm2.bak')).toEqual([stopped, other]);
    expect((await stat(join(home, 'dump.pm2'))).mode & 0o777).toBe(0o640);
    expect((await readdir(home)).sort()).toEqual(['dump.pm2', 'dump.pm2.bak']);
    expect(await list.isStopped('tracking')).toBe(true);
    await list.setStatus('tracking', 'online');
    expect(await read()).toEqual([other, tracking, tracking]);
  });

  it('is not stopped while the backup would start it', async () => {
    await save([{ ...tracking, status: 'stopped' }]);
    await save([tracking], 'dump.pm2.bak');
    expect(await list.isStopped('tracking')).toBe(false);
  });

  it('removes a name and adds it again, stopped', async () => {
    await save([tracking, other]);
    await list.remove('tracking');
    expect(await read()).toEqual([other]);
    await list.add([tracking]);
    expect(await read()).toEqual([other, { ...tracking, status: 'stopped' }]);
    expect(await list.names()).toEqual(['api', 'tracking']);
  });

  it('makes no list where there is none, and no entry for a name that was not saved', async () => {
    await list.setStatus('tracking', 'stopped');
    expect(await readdir(home)).toEqual([]);
    expect(await list.isStopped('tracking')).toBe(true);
    await save([other]);
    await list.setStatus('tracking', 'online');
    expect(await read()).toEqual([other]);
  });

  it.each(['{ name: 1 }', '{}', '[1]', ''])('refuses %j and does not quote it', async (text) => {
    await writeFile(join(home, 'dump.pm2'), text);
    await expect(list.setStatus('tracking', 'stopped')).rejects.toThrow(
      /dump\.pm2 is no JSON array of processes/,
    );
    expect(await readFile(join(home, 'dump.pm2'), 'utf8')).toBe(text);
  });
});

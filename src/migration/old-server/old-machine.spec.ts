import { afterEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../test/support/sockets.js';
import { parseTcpTable, processesOf } from './old-machine.js';

describe('parseTcpTable', () => {
  it('reads listening and established sockets of both tables', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:13BA 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   2: 00000000000000000000000000000000:13BA 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0
   3: 0100007F:13BA 0100007F:C351 06 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
`;
    expect(parseTcpTable(table)).toEqual([
      { localPort: 5_000, state: 'listening' },
      { localPort: 5_050, state: 'established' },
      { localPort: 5_050, state: 'listening' },
    ]);
  });
});

describe('processesOf', () => {
  const children: ChildProcess[] = [];
  let directory: string;
  afterEach(async () => {
    children.splice(0).forEach((child) => child.kill('SIGKILL'));
    await rm(directory, { recursive: true });
  });

  it('finds a script by its path, by a relative path, and by the mark that PM2 gives it and its children', async () => {
    directory = await mkdtemp(join(tmpdir(), 'old-machine-'));
    const script = join(directory, 'server.js');
    await writeFile(script, 'setInterval(() => undefined, 1000);');
    const start = (file: string, args: readonly string[], env = {}): number => {
      const child = spawn(file, args, { cwd: directory, env, stdio: 'ignore' });
      children.push(child);
      return child.pid ?? 0;
    };
    const expected = [
      start(process.execPath, [script]),
      start(process.execPath, ['--no-warnings', 'server.js']),
      start('/bin/sleep', ['60'], { pm_exec_path: script }),
    ];
    start('/bin/sleep', ['60'], { pm_exec_path: `${script}.old` });
    start('/usr/bin/tail', ['-f', script]);
    const found = async (): Promise<readonly number[]> => (await processesOf(script)).toSorted();
    await until(async () => (await found()).length >= expected.length, 'the processes');
    expect(await found()).toEqual(expected.toSorted());
  });
});

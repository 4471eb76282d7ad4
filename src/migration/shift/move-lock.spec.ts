import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireMoveLock, killLockOwner, lockName } from './move-lock.js';

let directory: string;
let other: ChildProcess;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'move-lock-'));
  other = spawn('sleep', ['600']);
  await once(other, 'spawn');
});
afterEach(async () => {
  other.kill('SIGKILL');
  await rm(directory, { recursive: true });
});

it('has one owner for each directory', async () => {
  const lock = await acquireMoveLock(directory);
  expect(lock).not.toBeNull();
  expect(await acquireMoveLock(directory)).toBeNull();
  await lock?.release();
  const next = await acquireMoveLock(directory);
  expect(next).not.toBeNull();
  await next?.release();
});

it('ends the process that has the lock', async () => {
  const name = JSON.stringify(await lockName(directory));
  const script = `require('node:net').createServer().listen('\\0' + ${name}, () => console.log('listens'))`;
  const owner = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(owner.stdout, 'data');
  expect(await acquireMoveLock(directory)).toBeNull();
  owner.kill('SIGSTOP');
  expect(await killLockOwner(directory, owner.pid as number)).toBe(true);
  await once(owner, 'exit');
  const lock = await acquireMoveLock(directory);
  expect(lock).not.toBeNull();
  await lock?.release();
});

it('ends no process that does not have the lock, also when the journal names its id', async () => {
  const pid = other.pid as number;
  expect(await killLockOwner(directory, pid)).toBe(false);
  const lock = await acquireMoveLock(directory);
  expect(await killLockOwner(directory, pid)).toBe(false);
  expect(await killLockOwner(directory, process.pid)).toBe(false);
  expect(other.exitCode ?? other.signalCode).toBeNull();
  await lock?.release();
});

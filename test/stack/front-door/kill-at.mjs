/**
 * `node --import <this file>?<n> …`: kills the process, as `kill -9` does, just before the nth time that it changes a file or
 * starts a program.
 */
import childProcess from 'node:child_process';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { URL } from 'node:url';

let left = Number(new URL(import.meta.url).search.slice(1));

for (const [module, names] of [
  [fs, ['link', 'open', 'rename', 'rm', 'writeFile']],
  [childProcess, ['spawn']],
])
  for (const name of names) {
    const original = module[name];
    module[name] = (...args) => {
      left -= 1;
      if (left === 0) process.kill(process.pid, 'SIGKILL');
      return original(...args);
    };
  }
syncBuiltinESMExports();

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { HERE } from './programs.mjs';

/** Where and with what the figures were measured. */
export function describeMachine() {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(`${HERE}/package.json`, 'utf8'));
  const all = { ...dependencies, ...devDependencies };
  const versions = [
    '@nestjs/core',
    'socket.io',
    'mongoose',
    'lmdb',
    'express-4',
    'mongoose-6',
    'socket.io-4.6',
  ];
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    revision:
      git('rev-parse', '--short=12', 'HEAD') +
      (git('status', '--porcelain', 'src') === '' ? '' : ' with changes'),
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
    node: process.version,
    versions: Object.fromEntries(versions.map((name) => [name, all[name].replace(/^npm:.*@/, '')])),
    loadAverage: os.loadavg().map((value) => Math.round(value * 100) / 100),
  };
}

function git(...args) {
  try {
    return execFileSync('git', args, { cwd: HERE, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

#!/usr/bin/env node
import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { runCommandLine } from './core/commands/index.js';
import { COMMANDS } from './commands.js';

if (existsSync('.env')) process.loadEnvFile('.env');

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
// `samserver … | head` closes the pipe: the command ends in order.
process.stdout.once('error', () => interrupt.abort());

const { env, stdout, stderr } = process;
process.exitCode = await runCommandLine(
  process.argv.slice(2),
  { env, stdout, stderr, signal: interrupt.signal },
  COMMANDS,
);

#!/usr/bin/env node
import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { EXIT_CODES, runCommandLine } from './core/commands/index.js';
import { COMMANDS } from './commands.js';

if (existsSync('.env')) {
  // Loaded only when needed: it loads Nest, and some commands work without it.
  const { loadEnvFile, SettingsError } = await import('./config/index.js');
  try {
    loadEnvFile('.env');
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_CODES.CONFIG);
  }
}

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

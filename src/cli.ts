#!/usr/bin/env node
import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { CommandIo } from './tools/client/index.js';

/** `sysexits.h` */
const EX_USAGE = 64;

const USAGE = `Usage: samserver <command> [options]

  db [--directory <dir>] [--port <port>]   run the embedded evaluation database alone
  replay [<file|folder>] [options]         play recorded tracks, or drive simulated ambulances
  watch [options]                          the live stream as a table that updates in place
  adopt [options]                          take the old server's ambulances over as vehicles
  images <command> [options]               adopt, list, verify, back up and restore the pictures
  init [options]                           give this deployment its id, in the database and the picture volume
  schema up|status|contract [options]      bring the database's schema forward
  legacy status [options]                  who still speaks as the old server's boxes and panels did

Each command explains itself with --help.
`;

const COMMANDS: Readonly<Record<string, (argv: string[]) => Promise<number>>> = {
  db: runDatabase,
  replay: runReplayCommand,
  watch: runWatchCommand,
  adopt: runAdoptCommand,
  images: runImagesCommand,
  init: runInitCommand,
  schema: runSchemaCommand,
  legacy: runLegacyCommand,
};

if (existsSync('.env')) process.loadEnvFile('.env');
const [name = '', ...argv] = process.argv.slice(2);
const command = COMMANDS[name];
if (command) process.exitCode = await command(argv).catch(reportError);
else {
  (name === '--help' ? process.stdout : process.stderr).write(USAGE);
  process.exitCode = name === '--help' ? 0 : EX_USAGE;
}

/** One line for a person; what is wrong with the words typed has its own exit code. */
function reportError(error: unknown): number {
  const { code, message } = error as { code?: unknown; message?: string };
  process.stderr.write(`samserver ${name}: ${message ?? String(error)}\n`);
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS') ? EX_USAGE : 1;
}

async function runDatabase(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { directory: { type: 'string' }, port: { type: 'string', default: '27018' } },
  });
  const directory = resolve(values.directory ?? join(process.env['DATA_DIR'] ?? 'data', 'db'));
  const { serveEmbeddedMongo } = await import('./embedded-mongo/index.js');
  const printLine = (line: string): void => void process.stdout.write(`${line}\n`);
  const served = await serveEmbeddedMongo({ directory, port: Number(values.port), onLog: printLine });
  printLine(`Evaluation database in ${directory}: MONGODB_URL=${served.uri}samserver?retryWrites=false`);
  const signal = new Promise<number>((settle) => {
    for (const each of ['SIGTERM', 'SIGINT'] as const) process.once(each, () => settle(0));
  });
  const exitCode = await Promise.race([signal, served.failed.then(() => 74)]);
  await served.stop();
  return exitCode;
}

async function runReplayCommand(args: string[]): Promise<number> {
  const { runReplay } = await import('./tools/replay/index.js');
  return runReplay(args, commandIo());
}

async function runWatchCommand(args: string[]): Promise<number> {
  const { runWatch } = await import('./tools/watch/index.js');
  return runWatch(args, commandIo());
}

async function runAdoptCommand(args: string[]): Promise<number> {
  const { runAdopt } = await import('./migration/index.js');
  return runAdopt(args, commandIo());
}

async function runImagesCommand(args: string[]): Promise<number> {
  const { runImages } = await import('./migration/index.js');
  return runImages(args, commandIo());
}

async function runInitCommand(args: string[]): Promise<number> {
  const { runInit } = await import('./migration/index.js');
  return runInit(args, commandIo());
}

async function runSchemaCommand(args: string[]): Promise<number> {
  const { runSchema } = await import('./migration/index.js');
  return runSchema(args, commandIo());
}

async function runLegacyCommand(args: string[]): Promise<number> {
  const { runLegacy } = await import('./legacy/index.js');
  return runLegacy(args, commandIo());
}

function commandIo(): CommandIo {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  process.once('SIGTERM', () => interrupt.abort());
  // `… | head` has read enough: that is an end, not a fault.
  process.stdout.once('error', () => interrupt.abort());
  return { env: process.env, stdout: process.stdout, stderr: process.stderr, signal: interrupt.signal };
}

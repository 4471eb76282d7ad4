#!/usr/bin/env node
import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { type RunningService, startService } from './app.setup.js';
import { createPino, PinoLogger } from './common/index.js';
import { loadSettings, type LoadedSettings, SettingsError } from './config/index.js';
import { greeting } from './greeting.js';
import { startWatchdog } from './health/index.js';
import { InstanceService, ReadinessBoard } from './release/index.js';

/** `sysexits.h` */
const EX_CONFIG = 78;
const EX_UNAVAILABLE = 69;

const { settings, notices } = settingsOrEnd();
const pino = createPino(settings.log.level, {
  isTerminal: process.stdout.isTTY,
  release: settings.release,
});
const logger = new PinoLogger(pino);
// Before anything that takes time: until somebody listens, this signal ends the process.
process.on('SIGUSR2', () => logger.level.toggle());
for (const notice of notices) pino.warn(notice);
process.on('uncaughtException', (error) => end(error, 'uncaught exception'));
process.on('unhandledRejection', (error) => end(error, 'unhandled rejection'));

let isStopping = false;
let service: RunningService | null = null;
// Before anything is started: as process 1 of a container, node would not even notice the signal.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));
startWatchdog();

service = await startService(settings, logger).catch(complainAndEnd);
await service.app.get(ReadinessBoard).whenComplete();
if (!isStopping && service.app.get(InstanceService).isServing)
  process.stdout.write(greeting(settings, service.httpPort, service.socketPort));

function stop(signal: NodeJS.Signals): void {
  // A second signal ends at once: somebody stands before a terminal and means it.
  if (isStopping) process.exit(130);
  isStopping = true;
  pino.info({ signal }, 'stopping');
  // The ports are not open yet: there is nobody to let go of.
  if (!service) process.exit(0);
  setTimeout(() => {
    pino.error(
      { drainTimeoutS: settings.drainTimeoutS },
      'DRAIN_TIMEOUT_S is over: ending with work still open',
    );
    process.exit(1);
  }, settings.drainTimeoutS * 1_000).unref();
  service.stop().then(
    () => process.exit(0),
    (error: unknown) => end(error, 'stopping failed'),
  );
}

function settingsOrEnd(): LoadedSettings {
  try {
    if (existsSync('.env')) process.loadEnvFile('.env');
    return loadSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`samserver: ${error.message}\n`);
    process.exit(EX_CONFIG);
  }
}

function complainAndEnd(error: unknown): never {
  const { code, port } = error as { code?: string; port?: number };
  const setting = port === settings.socket.port ? 'SOCKET_SERVER_PORT' : 'HTTP_PORT';
  if (code === 'EADDRINUSE')
    process.stderr.write(`samserver: ${setting}: port ${port} is taken by another program\n`);
  else if (code === 'EADDRNOTAVAIL')
    process.stderr.write(`samserver: HTTP_HOST: ${settings.http.host} is no address of this machine\n`);
  else if (code === 'EACCES')
    process.stderr.write(`samserver: ${setting}: port ${port} is not allowed for this user\n`);
  else return end(error, 'start failed');
  process.exit(EX_UNAVAILABLE);
}

/** Nothing acknowledged is lost by it: what was acknowledged is on the disk. */
function end(error: unknown, what: string): never {
  pino.fatal({ err: error }, what);
  process.exit(70);
}

import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type RunningService, startService } from './app.js';
import { FirstAdminSeeder } from './auth/index.js';
import { announceReady, createPino, EXIT_CODES, LogStream, PinoLogger } from './core/index.js';
import {
  loadEnvFile,
  loadSettings,
  type LoadedSettings,
  type Settings,
  SettingsError,
} from './config/index.js';
import { startWatchdog } from './health/index.js';
import { InstanceLifecycle } from './deployment/index.js';

/** Time for a reader of the log that is only slow. */
const LOG_FLUSH_TIMEOUT_MS = 2_000;

/**
 * Runs the service as a process: settings (`.env` included), log, signals, exit codes and banner. Resolves when the service
 * is ready.
 */
export async function runService(env: NodeJS.ProcessEnv): Promise<void> {
  const { settings, notices } = loadSettingsOrExit(env);
  const isTerminal = process.stdout.isTTY;
  const output = isTerminal ? null : new LogStream(process.stdout, settings.log.bufferBytes);
  const pino = createPino(settings.log.level, {
    isTerminal,
    release: settings.release,
    ...(output && { to: output }),
  });
  const exit = new ProcessExit(pino, output);
  const logger = new PinoLogger(pino, output);
  for (const notice of notices) pino.warn(notice);
  process.on('uncaughtException', (error) => void exit.withError(error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => void exit.withError(error, 'unhandled rejection'));

  const shutdownHandler = new ShutdownHandler(settings, pino, exit);
  process.on('SIGUSR2', () => logger.level.toggle());
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => shutdownHandler.stop(signal));
  startWatchdog();

  const service = await startService(settings, logger).catch((error: unknown) =>
    exitOnStartError(settings, exit, error),
  );
  shutdownHandler.service = service;
  const lifecycle = service.app.get(InstanceLifecycle);
  await lifecycle.whenFirstChecked();
  const login = await service.app.get(FirstAdminSeeder).findGeneratedLogin();
  if (!shutdownHandler.isStopping && lifecycle.isServing) {
    const { httpPort, socketPort } = service;
    const terminal = process.stdout.isTTY ? process.stdout : null;
    announceReady({ settings, httpPort, socketPort, login }, terminal, pino);
  }
}

/** Ends the process after the log is written. A stalled reader of the log does not keep the process. */
class ProcessExit {
  private ending: Promise<never> | null = null;

  constructor(
    private readonly pino: Logger,
    private readonly output: LogStream | null,
  ) {}

  async with(code: number): Promise<never> {
    // `HttpTraffic` writes its lines at the end of the turn.
    await setImmediate();
    await this.output?.flush(LOG_FLUSH_TIMEOUT_MS);
    process.exit(code);
  }

  /** Exits without a drain. Acknowledged positions are durable, so none is lost. Only the first error is logged. */
  withError(error: unknown, event: string): Promise<never> {
    if (this.ending) return this.ending;
    this.pino.fatal({ err: error }, event);
    this.ending = this.with(EXIT_CODES.SOFTWARE);
    return this.ending;
  }
}

/** Drains the service at the first signal and exits at once at the second one. */
class ShutdownHandler {
  /** null until the ports are open: there is nothing to drain before. */
  service: RunningService | null = null;
  isStopping = false;

  constructor(
    private readonly settings: Settings,
    private readonly pino: Logger,
    private readonly exit: ProcessExit,
  ) {}

  stop(signal: NodeJS.Signals): void {
    // A second Ctrl-C at a terminal means: do not wait.
    if (this.isStopping) process.exit(EXIT_CODES.INTERRUPTED);
    this.isStopping = true;
    this.pino.info({ signal }, 'shutdown started');
    if (!this.service) process.exit(EXIT_CODES.OK);
    const { drainTimeoutS } = this.settings;
    setTimeout(() => {
      this.pino.error({ drainTimeoutS }, 'shutdown incomplete: DRAIN_TIMEOUT_S is over');
      process.exit(EXIT_CODES.FAILURE);
    }, drainTimeoutS * 1_000).unref();
    this.service.stop().then(
      () => this.exit.with(EXIT_CODES.OK),
      (error: unknown) => this.exit.withError(error, 'shutdown failed'),
    );
  }
}

function loadSettingsOrExit(env: NodeJS.ProcessEnv): LoadedSettings {
  try {
    if (existsSync('.env')) loadEnvFile('.env');
    return loadSettings(env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`samserver: ${error.message}\n`);
    process.exit(EXIT_CODES.CONFIG);
  }
}

async function exitOnStartError(
  { http, socket }: Settings,
  exit: ProcessExit,
  error: unknown,
): Promise<never> {
  const { code, port } = error as { code?: string; port?: number };
  const setting = port === socket.port ? 'SOCKET_SERVER_PORT' : 'HTTP_PORT';
  if (code === 'EADDRINUSE')
    process.stderr.write(`samserver: ${setting}: port ${port} is taken by another program\n`);
  else if (code === 'EADDRNOTAVAIL')
    process.stderr.write(`samserver: HTTP_HOST: ${http.host} is not an address of this machine\n`);
  else if (code === 'EACCES')
    process.stderr.write(`samserver: ${setting}: port ${port} is not allowed for this user\n`);
  else return exit.withError(error, 'start failed');
  return exit.with(EXIT_CODES.UNAVAILABLE);
}

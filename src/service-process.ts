import 'reflect-metadata';
import type { Logger } from 'pino';
import { type RunningService, startService } from './app.js';
import { FirstAdminSeeder } from './auth/index.js';
import { announceReady, createPino, EXIT_CODES, PinoLogger } from './core/index.js';
import { loadSettings, type LoadedSettings, type Settings, SettingsError } from './config/index.js';
import { startWatchdog } from './health/index.js';
import { InstanceLifecycle } from './deployment/index.js';

/** Runs the service as a process: settings, log, signals, exit codes and banner. Resolves when the service is ready. */
export async function runService(env: NodeJS.ProcessEnv): Promise<void> {
  const { settings, notices } = loadSettingsOrExit(env);
  const pino = createPino(settings.log.level, {
    isTerminal: process.stdout.isTTY,
    release: settings.release,
  });
  const logger = new PinoLogger(pino);
  for (const notice of notices) pino.warn(notice);
  process.on('uncaughtException', (error) => exitWithError(pino, error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => exitWithError(pino, error, 'unhandled rejection'));

  const shutdownHandler = new ShutdownHandler(settings, pino);
  process.on('SIGUSR2', () => logger.level.toggle());
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => shutdownHandler.stop(signal));
  startWatchdog();

  const service = await startService(settings, logger).catch((error: unknown) =>
    exitOnStartError(settings, pino, error),
  );
  shutdownHandler.service = service;
  const lifecycle = service.app.get(InstanceLifecycle);
  await lifecycle.whenFirstChecked();
  if (!shutdownHandler.isStopping && lifecycle.isServing) {
    const { generatedLogin } = service.app.get(FirstAdminSeeder);
    const { httpPort, socketPort } = service;
    const terminal = process.stdout.isTTY ? process.stdout : null;
    announceReady({ settings, httpPort, socketPort, login: generatedLogin }, terminal, pino);
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
      () => process.exit(EXIT_CODES.OK),
      (error: unknown) => exitWithError(this.pino, error, 'shutdown failed'),
    );
  }
}

function loadSettingsOrExit(env: NodeJS.ProcessEnv): LoadedSettings {
  try {
    return loadSettings(env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`samserver: ${error.message}\n`);
    process.exit(EXIT_CODES.CONFIG);
  }
}

function exitOnStartError({ http, socket }: Settings, pino: Logger, error: unknown): never {
  const { code, port } = error as { code?: string; port?: number };
  const setting = port === socket.port ? 'SOCKET_SERVER_PORT' : 'HTTP_PORT';
  if (code === 'EADDRINUSE')
    process.stderr.write(`samserver: ${setting}: port ${port} is taken by another program\n`);
  else if (code === 'EADDRNOTAVAIL')
    process.stderr.write(`samserver: HTTP_HOST: ${http.host} is not an address of this machine\n`);
  else if (code === 'EACCES')
    process.stderr.write(`samserver: ${setting}: port ${port} is not allowed for this user\n`);
  else return exitWithError(pino, error, 'start failed');
  process.exit(EXIT_CODES.UNAVAILABLE);
}

/** Exits without a drain. Acknowledged positions are durable, so none is lost. */
function exitWithError(pino: Logger, error: unknown, event: string): never {
  pino.fatal({ err: error }, event);
  process.exit(EXIT_CODES.SOFTWARE);
}

import 'reflect-metadata';
import type { Logger } from 'pino';
import { type RunningService, startService } from './app.setup.js';
import { createPino, PinoLogger } from './common/index.js';
import { loadSettings, type LoadedSettings, type Settings, SettingsError } from './config/index.js';
import { greeting } from './greeting.js';
import { startWatchdog } from './health/index.js';
import { InstanceService, ReadinessBoard } from './release/index.js';

/** `sysexits.h` */
const EX_CONFIG = 78;
const EX_UNAVAILABLE = 69;
const EX_SOFTWARE = 70;
const INTERRUPTED = 130;

/** The service as a process: signals, exit codes, and what it says to a person. Resolves when it is up. */
export async function runService(env: NodeJS.ProcessEnv): Promise<void> {
  const { settings, notices } = settingsOrEnd(env);
  const pino = createPino(settings.log.level, {
    isTerminal: process.stdout.isTTY,
    release: settings.release,
  });
  const logger = new PinoLogger(pino);
  for (const notice of notices) pino.warn(notice);
  process.on('uncaughtException', (error) => end(pino, error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => end(pino, error, 'unhandled rejection'));

  const stopper = new Stopper(settings, pino);
  process.on('SIGUSR2', () => logger.level.toggle());
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopper.stop(signal));
  startWatchdog();

  const service = await startService(settings, logger).catch((error: unknown) =>
    complainAndEnd(settings, pino, error),
  );
  stopper.service = service;
  await service.app.get(ReadinessBoard).whenComplete();
  if (!stopper.isStopping && service.app.get(InstanceService).isServing)
    process.stdout.write(greeting(settings, service.httpPort, service.socketPort));
}

/** Ends the process in good order at the first signal, and at once at the second. */
class Stopper {
  /** null: the ports are not open yet, and there is nobody to let go of. */
  service: RunningService | null = null;
  isStopping = false;

  constructor(
    private readonly settings: Settings,
    private readonly pino: Logger,
  ) {}

  stop(signal: NodeJS.Signals): void {
    // Somebody stands before a terminal and means it.
    if (this.isStopping) process.exit(INTERRUPTED);
    this.isStopping = true;
    this.pino.info({ signal }, 'stopping');
    if (!this.service) process.exit(0);
    const { drainTimeoutS } = this.settings;
    setTimeout(() => {
      this.pino.error({ drainTimeoutS }, 'DRAIN_TIMEOUT_S is over: ending with work still open');
      process.exit(1);
    }, drainTimeoutS * 1_000).unref();
    this.service.stop().then(
      () => process.exit(0),
      (error: unknown) => end(this.pino, error, 'stopping failed'),
    );
  }
}

function settingsOrEnd(env: NodeJS.ProcessEnv): LoadedSettings {
  try {
    return loadSettings(env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`samserver: ${error.message}\n`);
    process.exit(EX_CONFIG);
  }
}

function complainAndEnd({ http, socket }: Settings, pino: Logger, error: unknown): never {
  const { code, port } = error as { code?: string; port?: number };
  const setting = port === socket.port ? 'SOCKET_SERVER_PORT' : 'HTTP_PORT';
  if (code === 'EADDRINUSE')
    process.stderr.write(`samserver: ${setting}: port ${port} is taken by another program\n`);
  else if (code === 'EADDRNOTAVAIL')
    process.stderr.write(`samserver: HTTP_HOST: ${http.host} is no address of this machine\n`);
  else if (code === 'EACCES')
    process.stderr.write(`samserver: ${setting}: port ${port} is not allowed for this user\n`);
  else return end(pino, error, 'start failed');
  process.exit(EX_UNAVAILABLE);
}

/** Nothing acknowledged is lost by it: what was acknowledged is on the disk. */
function end(pino: Logger, error: unknown, what: string): never {
  pino.fatal({ err: error }, what);
  process.exit(EX_SOFTWARE);
}

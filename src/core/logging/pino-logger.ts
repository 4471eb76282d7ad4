import type { LoggerService } from '@nestjs/common';
import { createRequire } from 'node:module';
import {
  destination,
  type DestinationStream,
  type Logger,
  type LoggerOptions,
  pino,
  stdTimeFunctions,
} from 'pino';
import type { PinoPretty } from 'pino-pretty';
import type { Release } from '../../config/index.js';
import { currentRequest } from '../http/request-context.js';
import { LogLevel } from './log-level.js';
import { LogStream } from './log-stream.js';
import { redacted, withoutSecrets } from './redaction.js';

const SHORT_REVISION = 12;

interface LogOutput {
  /** Columns without the release for a terminal; otherwise JSON lines. */
  readonly isTerminal: boolean;
  /** Fields added to every JSON line; null: no fields. */
  readonly release: Release | null;
  /** Default: stdout, written synchronously. */
  readonly to?: DestinationStream | LogStream;
}

/** A pino logger whose lines have the release and the request id, and no secrets. */
export function createPino(level: string, { isTerminal, release, to }: LogOutput): Logger {
  const options: LoggerOptions = {
    level,
    timestamp: stdTimeFunctions.isoTime,
    base: release && !isTerminal ? { release: shortRelease(release) } : {},
    formatters: {
      level: (label) => ({ level: label }),
      log: redacted,
    },
    // `redacted` serializes errors with their causes. The serializer of pino would add the removed fields again.
    serializers: { err: (error: unknown) => error },
    mixin: () => {
      const request = currentRequest();
      return request ? { requestId: request.requestId } : {};
    },
    hooks: { streamWrite: withoutSecrets },
  };
  const logger = pino(options, to ?? (isTerminal ? columns() : destination({ sync: true })));
  if (to instanceof LogStream) {
    to.onRecovered = (lines) => logger.warn({ context: LogStream.name, lines }, 'log lines dropped');
  }
  return logger;
}

/** Loads its library here, because a service without a terminal does not need it. */
function columns(): DestinationStream {
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
  return pretty({ sync: true, translateTime: 'SYS:HH:MM:ss', ignore: 'context', singleLine: true });
}

function shortRelease({ version, revision, color }: Release): Release {
  return { version, revision: revision?.slice(0, SHORT_REVISION) ?? null, color };
}

/** Contexts of Nest's start: one line for each route, useful only when the start fails. Logged at level debug. */
const STARTUP_CONTEXTS = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'WebSocketsController',
  'NestApplication',
]);

/** Writes the log of Nest and of `new Logger(Name)` through pino: `logger.warn({ fields }, 'message')`. */
export class PinoLogger implements LoggerService {
  /** Changes the level of the running service. */
  readonly level: LogLevel;

  /** @param output null: nothing is dropped */
  constructor(
    private readonly pino: Logger,
    private readonly output: LogStream | null = null,
  ) {
    this.level = new LogLevel(pino);
  }

  /** Lines dropped since the start, because the reader of the log did not take them. */
  get droppedLines(): number {
    return this.output?.droppedLines ?? 0;
  }

  /** Writes all lines of `work` at once. */
  writeTogether(work: () => void): void {
    if (this.output) this.output.writeTogether(work);
    else work();
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }
  log(message: unknown, ...rest: unknown[]): void {
    this.write(STARTUP_CONTEXTS.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  /** Nest passes (message, context) or, for errors, (message, stack, context); this code passes (fields, message, context). */
  private write(
    level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace',
    message: unknown,
    rest: unknown[],
  ): void {
    const context = rest.at(-1);
    const fields = { context: typeof context === 'string' ? context : undefined };
    const extra = rest.length > 1 ? rest[0] : undefined;
    if (message instanceof Error) this.pino[level]({ ...fields, err: message });
    else if (typeof message === 'object' && message !== null) {
      this.pino[level]({ ...fields, ...message }, typeof extra === 'string' ? extra : undefined);
    } else
      this.pino[level]({ ...fields, ...(typeof extra === 'string' && { stack: extra }) }, String(message));
  }
}

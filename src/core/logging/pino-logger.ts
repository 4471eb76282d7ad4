import type { LoggerService } from '@nestjs/common';
import {
  destination,
  type DestinationStream,
  type Logger,
  type LoggerOptions,
  pino,
  stdTimeFunctions,
} from 'pino';
import pretty from 'pino-pretty';
import type { Release } from '../../config/index.js';
import { currentRequest } from '../http/request-context.js';
import { LogLevel } from './log-level.js';
import { redacted, withoutSecrets } from './redaction.js';

const SHORT_REVISION = 12;

export interface LogOutput {
  /** People read columns, and know which release they started; everybody else gets JSON lines. */
  readonly isTerminal: boolean;
  /** On every line; null: on none. */
  readonly release: Release | null;
  /** Default: stdout. */
  readonly to?: DestinationStream;
}

/** One line for everything that is logged: with the release, the request it belongs to, and without secrets. */
export function createPino(level: string, { isTerminal, release, to }: LogOutput): Logger {
  const options: LoggerOptions = {
    level,
    timestamp: stdTimeFunctions.isoTime,
    base: release && !isTerminal ? { release: shortRelease(release) } : {},
    formatters: {
      level: (label) => ({ level: label }),
      log: redacted,
    },
    // Errors are told in `redacted`, causes and all; pino's own way would put back what was taken out.
    serializers: { err: (error: unknown) => error },
    mixin: () => {
      const call = currentRequest();
      return call ? { requestId: call.requestId } : {};
    },
    hooks: { streamWrite: withoutSecrets },
  };
  // Synchronous: the last line before an exit is the one that matters.
  return isTerminal
    ? pino(
        options,
        to ?? pretty({ sync: true, translateTime: 'SYS:HH:MM:ss', ignore: 'context', singleLine: true }),
      )
    : pino(options, to ?? destination({ sync: true }));
}

function shortRelease({ version, revision, color }: Release): Release {
  return { version, revision: revision?.slice(0, SHORT_REVISION) ?? null, color };
}

/** Nest's own account of its start: one line a route, of use only when something does not start. */
const STARTUP_CONTEXTS = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'WebSocketsController',
  'NestApplication',
]);

/** Lets Nest and our own `new Logger(Name)` write through pino: `logger.warn({ fields }, 'message')`. */
export class PinoLogger implements LoggerService {
  /** How much of it is written; changed while the service runs. */
  readonly level: LogLevel;

  constructor(private readonly pino: Logger) {
    this.level = new LogLevel(pino);
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

  /** Nest calls (message, context) or, for errors, (message, stack, context); ours are (fields, message, context). */
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

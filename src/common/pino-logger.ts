import type { LoggerService } from '@nestjs/common';
import { destination, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import pretty from 'pino-pretty';

/** What must never be written down, wherever it turns up in a logged object. */
const SECRET_PATHS = ['password', 'token', 'accessToken', 'refreshToken', 'authorization', 'secret'].flatMap(
  (name) => [name, `*.${name}`, `*.*.${name}`],
);

/** JSON lines on stdout; people at a terminal get them set in columns. */
export function createPino(level: string, isTerminal: boolean): Logger {
  const options: LoggerOptions = {
    level,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), bindings: () => ({}) },
    redact: { paths: SECRET_PATHS, censor: '[secret]' },
  };
  // Synchronous: the last line before an exit is the one that matters.
  return isTerminal
    ? pino(
        options,
        pretty({ sync: true, translateTime: 'SYS:HH:MM:ss', ignore: 'context', singleLine: true }),
      )
    : pino(options, destination({ sync: true }));
}

/** Nest's own account of its start: one line a route, of use only when something does not start. */
const START_UP_CHATTER = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'WebSocketsController',
  'NestApplication',
]);

/** Lets Nest and our own `new Logger(Name)` write through pino: `logger.warn({ fields }, 'message')`. */
export class PinoLogger implements LoggerService {
  constructor(private readonly pino: Logger) {}

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
    this.write(START_UP_CHATTER.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
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

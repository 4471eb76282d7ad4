import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevelName = (typeof LOG_LEVELS)[number];

/** Long enough to look at something, short enough that a forgotten `debug` does not fill a disk. */
export const DEFAULT_LEVEL_S = 900;

export interface LevelChange {
  readonly level: LogLevelName;
  /** When it ends; null: at the next start. */
  readonly until: Date | null;
}

/** How much is logged, changed while the service runs. By itself it comes back to what LOG_LEVEL says. */
@Injectable()
export class LogLevel implements OnApplicationShutdown {
  private readonly configured: string;
  private timer: NodeJS.Timeout | null = null;
  private isToggled = false;

  constructor(private readonly logger: Logger) {
    this.configured = logger.level;
  }

  get current(): string {
    return this.logger.level;
  }

  /** @param forS seconds until it ends; 0: at the next start */
  change(level: LogLevelName, forS: number): LevelChange {
    this.clear();
    const until = forS === 0 ? null : new Date(Date.now() + forS * 1_000);
    if (forS > 0) {
      this.timer = setTimeout(() => this.revert(), forS * 1_000);
      this.timer.unref();
    }
    this.switchTo(level, 'log level changed', until);
    return { level, until };
  }

  /** For a signal, which can carry no level: `debug` for a while, and by the next one back. */
  toggle(): void {
    if (this.isToggled) return this.revert();
    this.change('debug', DEFAULT_LEVEL_S);
    this.isToggled = true;
  }

  onApplicationShutdown(): void {
    this.clear();
  }

  private revert(): void {
    this.clear();
    this.switchTo(this.configured, 'log level is that of LOG_LEVEL again', null);
  }

  private clear(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.isToggled = false;
  }

  /** A change of what is seen has to be seen itself: said under whichever level lets it through. */
  private switchTo(level: string, message: string, until: Date | null): void {
    const fields = { context: LogLevel.name, from: this.logger.level, to: level, until };
    const isLogged = this.logger.isLevelEnabled('warn');
    if (isLogged) this.logger.warn(fields, message);
    this.logger.level = level;
    if (!isLogged) this.logger.warn(fields, message);
  }
}

import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOG_LEVELS, type LogLevelName } from '../../config/index.js';

export { LOG_LEVELS, type LogLevelName };

/** Long enough to examine a problem; short enough that a forgotten `debug` does not fill the disk. */
export const DEFAULT_LEVEL_S = 900;

export interface LevelChange {
  readonly level: LogLevelName;
  /** End of the change; null: it lasts until the next start. */
  readonly until: Date | null;
}

/** Changes the log level of the running service. A change ends after a time, and LOG_LEVEL applies again. */
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

  /** @param forS duration of the change, seconds; 0: until the next start */
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

  /** Called on a signal, which has no arguments: the first call sets `debug` for 900 s, the next call ends that. */
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
    this.switchTo(this.configured, 'log level restored', null);
  }

  private clear(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.isToggled = false;
  }

  /** Logs the change under the old or the new level, whichever shows it. */
  private switchTo(level: string, message: string, until: Date | null): void {
    const fields = { context: LogLevel.name, from: this.logger.level, to: level, until };
    const isLogged = this.logger.isLevelEnabled('warn');
    if (isLogged) this.logger.warn(fields, message);
    this.logger.level = level;
    if (!isLogged) this.logger.warn(fields, message);
  }
}

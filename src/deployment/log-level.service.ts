import { Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '../auth/index.js';
import { type LevelChange, LogLevel, type LogLevelName } from '../core/index.js';
import { InstanceIdentity } from './instance-identity.js';

/** The level of the log, changed by an operator and written down. */
@Injectable()
export class LogLevelService {
  private readonly logger = new Logger(LogLevelService.name);

  constructor(
    private readonly levels: LogLevel,
    private readonly audit: AuditLog,
    private readonly identity: InstanceIdentity,
  ) {}

  /**
   * At once, and only then written down: an operator needs it most while storage is away. It is the log then that
   * says who did it.
   * @param forS seconds; 0: until the next start
   */
  async change(level: LogLevelName, forS: number): Promise<LevelChange> {
    const details = { from: this.levels.current, to: level, forS: String(forS) };
    const change = this.levels.change(level, forS);
    try {
      await this.audit.record({
        action: 'ops.log-level-changed',
        target: { kind: 'instance', id: this.identity.id, email: null },
        details,
      });
    } catch (error) {
      this.logger.warn({ err: error, ...details }, 'an operator changed the log level; not in the audit log');
    }
    return change;
  }
}

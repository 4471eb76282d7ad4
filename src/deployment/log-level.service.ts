import { Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '../auth/index.js';
import { type LevelChange, LogLevel, type LogLevelName } from '../core/index.js';
import { InstanceIdentity } from '../cluster/index.js';

/** Changes the log level on an operator's request and records it in the audit log. */
@Injectable()
export class LogLevelService {
  private readonly logger = new Logger(LogLevelService.name);

  constructor(
    private readonly levels: LogLevel,
    private readonly audit: AuditLog,
    private readonly identity: InstanceIdentity,
  ) {}

  /**
   * Changes the level first and records it then, because operators need it most during a database outage. When the
   * audit entry cannot be written, the log holds the change.
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
      this.logger.warn({ err: error, ...details }, 'log level changed by an operator without an audit entry');
    }
    return change;
  }
}

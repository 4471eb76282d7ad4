import { Injectable, Logger } from '@nestjs/common';
import { type NewAuditEntry, AuditLog } from '../auth/index.js';
import { DomainError } from '../core/index.js';
import { InstanceIdentity } from '../cluster/index.js';
import { InstanceLifecycle } from './instance-lifecycle.js';
import { DrainService } from './drain.service.js';
import type { LettingGoDto } from './ops.dto.js';

const HANDOVER_S = 30;

/** Performs the actions of operators on this instance and records each in the audit log. */
@Injectable()
export class OpsService {
  private readonly logger = new Logger(OpsService.name);

  constructor(
    private readonly drainService: DrainService,
    private readonly lifecycle: InstanceLifecycle,
    private readonly identity: InstanceIdentity,
    private readonly audit: AuditLog,
  ) {}

  /** Resolves when the drain has begun, not when it has finished. */
  async drain(why?: string): Promise<LettingGoDto> {
    const drained = this.drainService.beginDrain();
    drained.catch((error: unknown) => this.logger.error({ err: error }, 'drain failed'));
    await this.recordAudit('ops.drained', why);
    return this.drainStatus();
  }

  /** @throws ops/draining */
  async handOver(withinS = HANDOVER_S, why?: string): Promise<LettingGoDto> {
    if (!this.drainService.beginHandover(withinS)) throw alreadyDraining();
    await this.recordAudit('ops.handover-begun', why, { withinS: String(withinS) });
    return this.drainStatus();
  }

  async undoHandover(): Promise<LettingGoDto> {
    this.drainService.undoHandover();
    await this.recordAudit('ops.handover-undone');
    return this.drainStatus();
  }

  /** Never rejects: an operator must be able to drain an instance that has lost its database. */
  private async recordAudit(
    action: NewAuditEntry['action'],
    why?: string,
    more: Record<string, string> = {},
  ): Promise<void> {
    const details = { ...(why !== undefined && { why }), ...more };
    const target = { kind: 'instance', id: this.identity.id, email: null } as const;
    await this.audit.record({ action, target, details }).catch((error: unknown) => {
      this.logger.warn({ err: error, action, details }, 'operator action without an audit entry');
    });
  }

  private drainStatus(): LettingGoDto {
    const { drain, handover } = this.drainService;
    return {
      state: this.lifecycle.state,
      sockets: this.drainService.openCount('sockets'),
      http: this.drainService.openCount('http'),
      deadline: drain?.deadline ?? null,
      isHandingOver: handover !== null && !handover.isDone,
    };
  }
}

function alreadyDraining(): DomainError {
  return new DomainError(
    'ops/draining',
    'This instance drains already; there is nothing to hand over any more.',
  );
}

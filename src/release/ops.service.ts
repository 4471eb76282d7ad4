import { Injectable, Logger } from '@nestjs/common';
import { type Act, AuditLog } from '../auth/index.js';
import { DomainError } from '../common/index.js';
import { InstanceIdentity } from './instance-identity.js';
import { InstanceService } from './instance.service.js';
import { LettingGo } from './letting-go.service.js';
import type { LettingGoDto } from './ops.dto.js';

const HANDOVER_S = 30;

/** The acts of operators on this instance, each in the audit log. */
@Injectable()
export class OpsService {
  private readonly logger = new Logger(OpsService.name);

  constructor(
    private readonly lettingGo: LettingGo,
    private readonly instance: InstanceService,
    private readonly identity: InstanceIdentity,
    private readonly audit: AuditLog,
  ) {}

  /** Answers when it has begun. */
  async drain(why?: string): Promise<LettingGoDto> {
    const drained = this.lettingGo.beginDrain();
    drained.catch((error: unknown) => this.logger.error({ err: error }, 'draining failed'));
    await this.writeDown('ops.drained', why);
    return this.describe();
  }

  /** @throws ops/draining */
  async handOver(withinS = HANDOVER_S, why?: string): Promise<LettingGoDto> {
    if (!this.lettingGo.beginHandover(withinS)) throw alreadyDraining();
    await this.writeDown('ops.handover-begun', why, { withinS: String(withinS) });
    return this.describe();
  }

  async undoHandover(): Promise<LettingGoDto> {
    this.lettingGo.undoHandover();
    await this.writeDown('ops.handover-undone');
    return this.describe();
  }

  /** After the act, and not at any price: an operator must be able to take an instance out that has lost its storage. */
  private async writeDown(
    action: Act['action'],
    why?: string,
    more: Record<string, string> = {},
  ): Promise<void> {
    const details = { ...(why !== undefined && { why }), ...more };
    const target = { kind: 'instance', id: this.identity.id, email: null } as const;
    await this.audit.record({ action, target, details }).catch((error: unknown) => {
      this.logger.warn({ err: error, action, details }, 'done, and not in the audit log');
    });
  }

  private describe(): LettingGoDto {
    const { drain, handover } = this.lettingGo;
    return {
      state: this.instance.state,
      sockets: this.lettingGo.openOf('sockets'),
      http: this.lettingGo.openOf('http'),
      deadline: drain?.deadline ?? null,
      isHandingOver: handover !== null && !handover.isDone,
    };
  }
}

function alreadyDraining(): DomainError {
  return new DomainError(
    'conflict',
    'ops/draining',
    'This instance drains already; there is nothing to hand over any more.',
  );
}

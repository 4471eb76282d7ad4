import { Injectable, Logger } from '@nestjs/common';
import { Clock, DomainError, type Page, pageOf, type PageRequest } from '../../core/index.js';
import { translateStorageError } from '../../database/index.js';
import { type AuditActor, type AuditEntry, type NewAuditEntry, nextAuditId } from './audit-entry.js';
import { type AuditFilter, AuditRepository } from './audit.repository.js';
import { CallContext } from '../access/call-context.js';

/**
 * The audit log. An entry is written *before* its action: without transactions, an action without an entry is worse than
 * an entry without an action. When the action then fails, a second entry records the failure and names the first.
 */
@Injectable()
export class AuditLog {
  private readonly logger = new Logger(AuditLog.name);

  constructor(
    private readonly log: AuditRepository,
    private readonly context: CallContext,
    private readonly clock: Clock,
  ) {}

  /** Writes the entries, then runs the action. @throws storage/unavailable, or what the action throws */
  async recordAndRun<T>(actions: readonly NewAuditEntry[], run: () => Promise<T>): Promise<T> {
    const entries = actions.map((action) => this.entryOf(action));
    await this.log.append(entries);
    try {
      return await run();
    } catch (error) {
      await this.recordFailure(entries, error);
      throw error;
    }
  }

  /** For an action that has happened already. @throws storage/unavailable */
  async record(action: NewAuditEntry): Promise<void> {
    await this.log.append([this.entryOf(action)]);
  }

  /** Newest first. */
  async list(page: PageRequest, filter: AuditFilter): Promise<Page<AuditEntry>> {
    return pageOf(await this.log.list(page.afterId, page.limit + 1, filter), page.limit);
  }

  private async recordFailure(entries: readonly AuditEntry[], error: unknown): Promise<void> {
    const known = error instanceof DomainError ? error : translateStorageError(error);
    const failure = known?.code ?? 'internal';
    const failures = entries.map((entry) => ({ ...entry, ...this.stamp(), failure, failedId: entry.id }));
    try {
      await this.log.append(failures);
    } catch (cause) {
      this.logger.warn(
        { err: cause, failure, entries: entries.map(({ id }) => id) },
        'audit entries of a failed action not cancelled',
      );
    }
  }

  private entryOf({ action, target, actor, details }: NewAuditEntry): AuditEntry {
    const call = this.context.current;
    return {
      ...this.stamp(),
      action,
      actor: actor ?? this.caller(),
      target,
      details: details ?? {},
      requestId: call?.requestId ?? null,
      ip: call?.ip ?? null,
      failure: null,
      failedId: null,
    };
  }

  private stamp(): Pick<AuditEntry, 'id' | 'at'> {
    const nowMs = this.clock.nowMs();
    return { id: nextAuditId(nowMs), at: new Date(nowMs) };
  }

  private caller(): AuditActor {
    const call = this.context.current;
    if (!call) return { kind: 'service', id: null, email: null };
    switch (call.caller?.kind) {
      case undefined:
        return { kind: 'anonymous', id: null, email: null };
      case 'user':
        return { kind: 'user', id: call.caller.userId, email: call.caller.email };
      case 'device':
        return { kind: 'device', id: call.caller.credentialId, email: null };
      case 'operator':
        return { kind: 'operator', id: null, email: null };
    }
  }
}

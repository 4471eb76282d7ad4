import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import type { AuditEntry } from './audit-entry.js';
import { AuditRecord } from './audit.schema.js';

/** Each is an id or an e-mail address. */
export interface AuditFilter {
  readonly actor?: string;
  readonly target?: string;
}

/** Adds and reads entries; it has no way to change or remove one. */
@Injectable()
export class AuditRepository {
  constructor(@InjectModel(AuditRecord.name) private readonly log: Model<AuditRecord>) {}

  async append(entries: readonly AuditEntry[]): Promise<void> {
    await this.log.insertMany(entries.map(toRecord));
  }

  /** Newest first, older than the given id. */
  async list(beforeId: string | null, limit: number, { actor, target }: AuditFilter): Promise<AuditEntry[]> {
    const found = await this.log
      .find({
        ...(beforeId !== null && { _id: { $lt: beforeId } }),
        ...(actor !== undefined && { [actor.includes('@') ? 'actorEmail' : 'actorId']: actor }),
        ...(target !== undefined && { [target.includes('@') ? 'targetEmail' : 'targetId']: target }),
      })
      .sort({ _id: -1 })
      .limit(limit);
    return found.map(toEntry);
  }
}

function toRecord(entry: AuditEntry): AuditRecord {
  const { id, at, action, actor, target, details, requestId, ip, failure, failedId } = entry;
  return {
    _id: id,
    at,
    action,
    actorKind: actor.kind,
    ...(actor.id !== null && { actorId: actor.id }),
    ...(actor.email !== null && { actorEmail: actor.email }),
    targetKind: target.kind,
    ...(target.id !== null && { targetId: target.id }),
    ...(target.email !== null && { targetEmail: target.email }),
    ...(Object.keys(details).length > 0 && { details }),
    ...(requestId !== null && { requestId }),
    ...(ip !== null && { ip }),
    ...(failure !== null && { failure }),
    ...(failedId !== null && { failedId }),
  };
}

function toEntry(record: AuditRecord): AuditEntry {
  return {
    id: record._id,
    at: record.at,
    action: record.action,
    actor: { kind: record.actorKind, id: record.actorId ?? null, email: record.actorEmail ?? null },
    target: { kind: record.targetKind, id: record.targetId ?? null, email: record.targetEmail ?? null },
    details: record.details ?? {},
    requestId: record.requestId ?? null,
    ip: record.ip ?? null,
    failure: record.failure ?? null,
    failedId: record.failedId ?? null,
  };
}

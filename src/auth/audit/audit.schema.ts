import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { AuditAction, AuditActor, AuditTarget } from './audit-entry.js';

/** See `AuditEntry`. */
@Schema({ collection: 'audit_log', versionKey: false })
export class AuditRecord {
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: Date, required: true })
  at!: Date;

  @Prop({ type: String, required: true })
  action!: AuditAction;

  @Prop({ type: String, required: true })
  actorKind!: AuditActor['kind'];

  @Prop({ type: String })
  actorId?: string;

  @Prop({ type: String })
  actorEmail?: string;

  @Prop({ type: String, required: true })
  targetKind!: AuditTarget['kind'];

  @Prop({ type: String })
  targetId?: string;

  @Prop({ type: String })
  targetEmail?: string;

  @Prop({ type: Object })
  details?: Record<string, string>;

  @Prop({ type: String })
  requestId?: string;

  @Prop({ type: String })
  ip?: string;

  @Prop({ type: String })
  failure?: string;

  @Prop({ type: String })
  failedId?: string;
}

export const AuditSchema = SchemaFactory.createForClass(AuditRecord);

/** Lists of one actor or one target, by id or e-mail address, newest first. */
AuditSchema.index({ actorId: 1, _id: 1 });
AuditSchema.index({ actorEmail: 1, _id: 1 });
AuditSchema.index({ targetId: 1, _id: 1 });
AuditSchema.index({ targetEmail: 1, _id: 1 });

import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { ReleaseColor } from '../config/index.js';

/** One document for each process that uses this database. The collection is small and read whole, so it has no index. */
@Schema({ collection: 'instances', versionKey: false })
export class InstanceRecord {
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: String, required: true })
  version!: string;

  @Prop({ type: String })
  revision?: string;

  @Prop({ type: String })
  color?: ReleaseColor;

  /** Supported schema versions, both ends included. */
  @Prop({ type: Number, required: true })
  schemaMin!: number;

  @Prop({ type: Number, required: true })
  schemaMax!: number;

  @Prop({ type: String, required: true })
  state!: string;

  @Prop({ type: String, required: true })
  host!: string;

  /** By the instance's clock. */
  @Prop({ type: Date, required: true })
  startedAt!: Date;

  /** By the database's clock. */
  @Prop({ type: Date, required: true })
  lastSeenAt!: Date;

  /** `InstanceRegistry.claimsToRecord` */
  @Prop({ type: Number })
  claims?: number;

  /** By the database's clock. It replaces `lastSeenAt`, so that the instance does not count as alive. */
  @Prop({ type: Date })
  stoppedAt?: Date;
}

export const InstanceSchema = SchemaFactory.createForClass(InstanceRecord);

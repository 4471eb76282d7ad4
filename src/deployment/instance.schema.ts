import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { ReleaseColor } from '../config/index.js';

/** A process that serves on this database, or did a short while ago. One document each; read whole, so no index. */
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

  /** Schema versions it works with, ends included. */
  @Prop({ type: Number, required: true })
  schemaMin!: number;

  @Prop({ type: Number, required: true })
  schemaMax!: number;

  @Prop({ type: String, required: true })
  state!: string;

  @Prop({ type: String, required: true })
  host!: string;

  /** By its own clock. */
  @Prop({ type: Date, required: true })
  startedAt!: Date;

  /** By the database's clock. */
  @Prop({ type: Date, required: true })
  lastSeenAt!: Date;
}

export const InstanceSchema = SchemaFactory.createForClass(InstanceRecord);

import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { QuarantineCode } from '../verdict.js';

/** A fix that was accepted and is not believed. Kept durably, not shown as the vehicle's place, releasable. */
@Schema({ collection: 'quarantined_positions', versionKey: false })
export class QuarantineRecord {
  /** Vehicle, time and place (see `quarantineId`): the same fix sent again is kept once. */
  @Prop({ type: Buffer, required: true })
  _id!: Buffer;

  @Prop({ type: Types.ObjectId, required: true })
  vehicleId!: Types.ObjectId;

  @Prop({ type: String, required: true })
  code!: QuarantineCode;

  @Prop({ type: Date, required: true })
  time!: Date;

  /** The fix as it would stand in `positions`, without what stands here. */
  @Prop({ type: Object, required: true })
  fix!: Record<string, unknown>;

  @Prop({ type: Date, required: true })
  receivedAt!: Date;

  @Prop({ type: Boolean, required: true })
  isReleased!: boolean;

  @Prop({ type: Date })
  releasedAt?: Date;

  /** User id; absent when a row of jumps released it. */
  @Prop({ type: String })
  releasedBy?: string;
}

export const QuarantineSchema = SchemaFactory.createForClass(QuarantineRecord);

/** Held jumps next to a time, for the row that releases them. */
QuarantineSchema.index({ vehicleId: 1, code: 1, time: 1 });
/** Lists of what is held, newest arrival first, of all vehicles and of one. */
QuarantineSchema.index({ isReleased: 1, receivedAt: 1, _id: 1 });
QuarantineSchema.index({ vehicleId: 1, receivedAt: 1, _id: 1 });
/** How many are held, by reason. */
QuarantineSchema.index({ isReleased: 1, code: 1 });

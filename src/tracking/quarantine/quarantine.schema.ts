import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { Measurements, QuarantineCode } from '../../core/index.js';

/** A quarantined position: durable, not part of the history, releasable. */
@Schema({ collection: 'quarantined_positions', versionKey: false })
export class QuarantineRecord {
  /** Vehicle, time and place (`quarantineId`): a position that is sent again is stored once. */
  @Prop({ type: Buffer, required: true })
  _id!: Buffer;

  @Prop({ type: Types.ObjectId, required: true })
  vehicleId!: Types.ObjectId;

  @Prop({ type: String, required: true })
  code!: QuarantineCode;

  @Prop({ type: Date, required: true })
  time!: Date;

  /** Its measurements: the fields of a document in `positions` that are not fields here. */
  @Prop({ type: Object, required: true })
  fix!: Measurements;

  @Prop({ type: Date, required: true })
  receivedAt!: Date;

  @Prop({ type: Boolean, required: true })
  isReleased!: boolean;

  @Prop({ type: Date })
  releasedAt?: Date;

  /** User id; absent when a sequence of jumps released it. */
  @Prop({ type: String })
  releasedBy?: string;

  /** See `RecordEpoch`. */
  @Prop({ type: Number })
  roleEpoch?: number;
}

export const QuarantineSchema = SchemaFactory.createForClass(QuarantineRecord);

/** Used to find the held jumps around a time. */
QuarantineSchema.index({ vehicleId: 1, code: 1, time: 1 });
/** Used to list held positions by arrival: of all vehicles, and of one. */
QuarantineSchema.index({ isReleased: 1, receivedAt: 1, _id: 1 });
QuarantineSchema.index({ vehicleId: 1, receivedAt: 1, _id: 1 });
/** Used to count held positions by code. */
QuarantineSchema.index({ isReleased: 1, code: 1 });

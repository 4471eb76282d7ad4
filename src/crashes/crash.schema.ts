import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';

/** A document is never changed, and it stays when its vehicle is archived. */
@Schema({ collection: 'crashes', versionKey: false })
export class CrashRecord {
  /** Ordered by arrival. Every list and every replay reads along it. */
  @Prop({ type: Types.ObjectId, required: true })
  _id!: Types.ObjectId;

  @Prop({ type: Types.ObjectId, required: true })
  vehicleId!: Types.ObjectId;

  @Prop({ type: Date, required: true })
  reportedAt!: Date;

  @Prop({ type: Number })
  lat?: number;

  @Prop({ type: Number })
  lon?: number;

  @Prop({ type: Number })
  speedMps?: number;

  @Prop({ type: Number })
  headingDeg?: number;

  /** See `RecordEpoch`. */
  @Prop({ type: Number })
  roleEpoch?: number;
}

export const CrashSchema = SchemaFactory.createForClass(CrashRecord);

/** A vehicle's crashes, newest first. */
CrashSchema.index({ vehicleId: 1, _id: 1 });

import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Types } from 'mongoose';
import type { Actor } from './status-change.js';
import type { UnitStatus } from './status-change.js';

/** One entry of a vehicle's status history; never changed, kept when the vehicle is archived. */
@Schema({ collection: 'vehicle_status_changes', versionKey: false })
export class StatusChangeRecord {
  /** See `statusChangeId`. The history of a vehicle is one range of ids, newest last. */
  @Prop({ type: Buffer, required: true })
  _id!: Buffer;

  /** Also part of `_id`; here for readers of the database. */
  @Prop({ type: Types.ObjectId, required: true })
  vehicleId!: Types.ObjectId;

  @Prop({ type: String, required: true })
  status!: UnitStatus;

  @Prop({ type: Date, required: true })
  at!: Date;

  @Prop({ type: Date, required: true })
  recordedAt!: Date;

  @Prop({ type: Object, required: true })
  by!: Actor;
}

export const StatusChangeSchema = SchemaFactory.createForClass(StatusChangeRecord);

import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { type SchemaOptions, Types } from 'mongoose';

/** mongoose 9 hands `clusteredIndex` on when it makes the collection (lib/model.js); its types do not name it. */
const CLUSTERED = {
  collection: 'positions',
  versionKey: false,
  clusteredIndex: { key: { _id: 1 }, unique: true },
} as SchemaOptions;

/**
 * One stored fix. Clustered by `_id` (see `position-id.ts`): history of a vehicle is one range, and a second fix with
 * the same vehicle and time cannot exist. Units as in `common/position.ts`.
 */
@Schema(CLUSTERED)
export class PositionRecord {
  @Prop({ type: Buffer, required: true })
  _id!: Buffer;

  /** Stands in the `_id` too; here for people who look into the database. */
  @Prop({ type: Types.ObjectId, required: true })
  vehicleId!: Types.ObjectId;

  @Prop({ type: Date, required: true })
  time!: Date;

  @Prop({ type: Number, required: true })
  lat!: number;

  @Prop({ type: Number, required: true })
  lon!: number;

  @Prop({ type: Number })
  speedMps?: number;

  @Prop({ type: Number })
  headingDeg?: number;

  @Prop({ type: Number })
  accuracyM?: number;

  @Prop({ type: Number })
  altitudeM?: number;

  @Prop({ type: Number })
  batteryPct?: number;

  @Prop({ type: Boolean })
  ignition?: boolean;

  @Prop({ type: Object })
  attributes?: Record<string, unknown>;

  @Prop({ type: Date, required: true })
  receivedAt!: Date;

  /** When it was written here; later than `receivedAt` for one that was released from quarantine. */
  @Prop({ type: Date, required: true })
  recordedAt!: Date;

  /** Stored when a newer one was known; absent otherwise. */
  @Prop({ type: Boolean })
  late?: boolean;
}

export const PositionSchema = SchemaFactory.createForClass(PositionRecord);

/** What was recorded since a moment, for a watcher that comes back. */
PositionSchema.index({ recordedAt: 1, _id: 1 });

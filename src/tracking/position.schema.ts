import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { type SchemaOptions, Types } from 'mongoose';

/** mongoose 9 passes `clusteredIndex` on when it creates the collection (lib/model.js); its types do not have it. */
const CLUSTERED = {
  collection: 'positions',
  versionKey: false,
  clusteredIndex: { key: { _id: 1 }, unique: true },
} as SchemaOptions;

/**
 * One stored position. Clustered by `_id` (`position-id.ts`): the history of a vehicle is one range, and a second position
 * of the same vehicle and time cannot exist. Units as in `core/geo/position.ts`.
 */
@Schema(CLUSTERED)
export class PositionRecord {
  @Prop({ type: Buffer, required: true })
  _id!: Buffer;

  /** Also part of the `_id`; repeated for people who read the database. */
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

  /** Time of the write; later than `receivedAt` for a position released from quarantine. */
  @Prop({ type: Date, required: true })
  recordedAt!: Date;

  /** True when a newer position was known at the time of the write; absent otherwise. */
  @Prop({ type: Boolean })
  late?: boolean;

  /** See `RecordEpoch`. */
  @Prop({ type: Number })
  roleEpoch?: number;
}

export const PositionSchema = SchemaFactory.createForClass(PositionRecord);

/** Used to find positions recorded since a time, for the replay to a subscriber that reconnects. */
PositionSchema.index({ recordedAt: 1, _id: 1 });

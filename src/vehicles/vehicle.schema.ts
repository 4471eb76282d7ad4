import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { Actor, UnitStatus } from './status-change.js';
import type { VehicleType } from './vehicle.js';

/** The `…Key` fields hold names in the form that is compared; they are unique. Removing a key frees the name. */
@Schema({ collection: 'vehicles', timestamps: true, versionKey: false })
export class VehicleRecord {
  @Prop({ type: String, required: true })
  callSign!: string;

  @Prop({ type: String })
  callSignKey?: string;

  @Prop({ type: String, required: true })
  registration!: string;

  @Prop({ type: String })
  registrationKey?: string;

  @Prop({ type: String, required: true })
  type!: VehicleType;

  /** The newest status change. Until it is in the history, this is the only copy (see `VehicleWriter`). */
  @Prop({ type: String, required: true })
  status!: UnitStatus;

  @Prop({ type: Date, required: true })
  statusAt!: Date;

  @Prop({ type: Date, required: true })
  statusRecordedAt!: Date;

  @Prop({ type: Object, required: true })
  statusBy!: Actor;

  @Prop({ type: String })
  boxCode?: string;

  /** The box code unchanged: a box always sends its name in the same form. */
  @Prop({ type: String })
  boxCodeKey?: string;

  /** null, not absent, while in service: the index begins with it. */
  @Prop({ type: Date, default: null })
  archivedAt!: Date | null;

  /** Absent on an archived vehicle: its archival was interrupted, and its credentials may still be valid. */
  @Prop({ type: Date })
  credentialsRevokedAt?: Date;

  /** Present while the clock of the vehicle's device is behind. */
  @Prop({ type: Date })
  clockBehindSince?: Date;

  /** Part of the ETag: every change raises it by one and names the version it applies to. */
  @Prop({ type: Number, required: true })
  version!: number;

  createdAt!: Date;
  updatedAt!: Date;
}

export const VehicleSchema = SchemaFactory.createForClass(VehicleRecord);

/** Unique names. Sparse: an archived vehicle has no keys. */
VehicleSchema.index({ callSignKey: 1 }, { unique: true, sparse: true });
VehicleSchema.index({ registrationKey: 1 }, { unique: true, sparse: true });
VehicleSchema.index({ boxCodeKey: 1 }, { unique: true, sparse: true });
/** Vehicles in service in the order of registration: every list, also a filtered one, scans at most these. */
VehicleSchema.index({ archivedAt: 1, _id: 1 });
/** Used to find changes since a time, for subscribers that reconnect. */
VehicleSchema.index({ updatedAt: 1 });

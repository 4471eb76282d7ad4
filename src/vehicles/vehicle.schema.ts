import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { HydratedDocument } from 'mongoose';
import type { Actor } from './status-change.js';
import type { UnitStatus } from './unit-status.js';
import type { VehicleType } from './vehicle.js';

/** The `…Key` fields hold what is compared: they are unique, and removing one frees the name. */
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

  /** The newest status change, whole: until it is in the history too, this is the only copy (see `VehicleWriter`). */
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

  /** The box code as it is; boxes, unlike people, always write their name the same way. */
  @Prop({ type: String })
  boxCodeKey?: string;

  /** Null, and not absent, while in service: the index begins with it. */
  @Prop({ type: Date, default: null })
  archivedAt!: Date | null;

  /** Absent on an archived vehicle: its archiving was cut short, and its devices may still get in. */
  @Prop({ type: Date })
  credentialsRevokedAt?: Date;

  /** The ETag: every change counts it up by one, and is only made to the version it was meant for. */
  @Prop({ type: Number, required: true })
  version!: number;

  createdAt!: Date;
  updatedAt!: Date;
}

export type VehicleDocument = HydratedDocument<VehicleRecord>;
export const VehicleSchema = SchemaFactory.createForClass(VehicleRecord);

/** Unique names. Sparse: an archived vehicle has no keys. */
VehicleSchema.index({ callSignKey: 1 }, { unique: true, sparse: true });
VehicleSchema.index({ registrationKey: 1 }, { unique: true, sparse: true });
VehicleSchema.index({ boxCodeKey: 1 }, { unique: true, sparse: true });
/** The vehicles in service in the order they were registered: every list, also a filtered one, walks at most these. */
VehicleSchema.index({ archivedAt: 1, _id: 1 });
/** What has changed since a moment, for a watcher that comes back. */
VehicleSchema.index({ updatedAt: 1 });

import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { type HydratedDocument, Types } from 'mongoose';

@Schema({ collection: 'device_credentials', timestamps: { createdAt: true, updatedAt: false } })
export class DeviceCredential {
  @Prop({ type: Types.ObjectId, required: true })
  vehicleId!: Types.ObjectId;

  @Prop({ type: String })
  label?: string;

  /** SHA-256 of the secret, hexadecimal. A 256-bit random secret needs no slow hash, and 10,000 devices come at once. */
  @Prop({ type: String, required: true })
  secretHash!: string;

  @Prop({ type: Date })
  revokedAt?: Date;

  createdAt!: Date;
}

export type DeviceCredentialDocument = HydratedDocument<DeviceCredential>;
export const DeviceCredentialSchema = SchemaFactory.createForClass(DeviceCredential);

/** The credentials of a vehicle, to list and to revoke them. */
DeviceCredentialSchema.index({ vehicleId: 1 });
/** What was revoked lately, for those who hold sockets open. Sparse: nearly all were never revoked. */
DeviceCredentialSchema.index({ revokedAt: 1 }, { sparse: true });

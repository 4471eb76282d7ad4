import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { type HydratedDocument, Types } from 'mongoose';

@Schema({ collection: 'device_credentials', timestamps: { createdAt: true, updatedAt: false } })
export class DeviceCredential {
  @Prop({ type: Types.ObjectId, required: true })
  vehicleId!: Types.ObjectId;

  @Prop({ type: String })
  label?: string;

  /** SHA-256 of the secret, hexadecimal. A random secret of 256 bits needs no slow hash; 10,000 devices connect at once. */
  @Prop({ type: String, required: true })
  secretHash!: string;

  @Prop({ type: Date })
  revokedAt?: Date;

  createdAt!: Date;
}

export type DeviceCredentialDocument = HydratedDocument<DeviceCredential>;
export const DeviceCredentialSchema = SchemaFactory.createForClass(DeviceCredential);

/** Lists the credentials of a vehicle. */
DeviceCredentialSchema.index({ vehicleId: 1 });
/** Finds recent revocations (`RevocationPoller`). Sparse, because nearly no credential is revoked. */
DeviceCredentialSchema.index({ revokedAt: 1 }, { sparse: true });

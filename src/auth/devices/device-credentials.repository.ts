import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { BatchedLookup } from './batched-lookup.js';
import { DeviceCredential, type DeviceCredentialDocument } from './device-credential.schema.js';

export interface StoredCredential {
  readonly id: string;
  readonly vehicleId: string;
  readonly label: string | null;
  readonly secretHash: string;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

@Injectable()
export class DeviceCredentialsRepository {
  private readonly lookup = new BatchedLookup((ids) => this.findAll(ids));

  constructor(@InjectModel(DeviceCredential.name) private readonly credentials: Model<DeviceCredential>) {}

  /** Made before the credential, so that the audit entry can name it. */
  newId(): string {
    return new Types.ObjectId().toHexString();
  }

  async create(id: string, vehicleId: string, secretHash: string, label: string | undefined): Promise<void> {
    await this.credentials.create({
      _id: new Types.ObjectId(id),
      vehicleId: new Types.ObjectId(vehicleId),
      secretHash,
      ...(label !== undefined && { label }),
    });
  }

  /** Shares its query with simultaneous look-ups. */
  findById(id: string): Promise<StoredCredential | null> {
    return this.lookup.get(id);
  }

  /** Ids of credentials revoked at or after that time. */
  async findRevokedSince(at: Date): Promise<ReadonlySet<string>> {
    const found = await this.credentials.find({ revokedAt: { $gte: at } }).select({ _id: 1 });
    return new Set(found.map(({ _id }) => _id.toHexString()));
  }

  /** All credentials of one vehicle, also revoked ones, oldest first. */
  async listOf(vehicleId: string): Promise<StoredCredential[]> {
    const found = await this.credentials.find({ vehicleId: new Types.ObjectId(vehicleId) });
    // The index has the vehicle alone: a server may return its entries in any order.
    return found.map(toCredential).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  private async findAll(ids: readonly string[]): Promise<StoredCredential[]> {
    const found = await this.credentials
      .find({ _id: { $in: ids.map((id) => new Types.ObjectId(id)) } })
      .lean<DeviceCredentialDocument[]>();
    return found.map(toCredential);
  }

  /** Does not change a credential that is revoked already. */
  async revoke(id: string, at: Date): Promise<void> {
    await this.credentials.updateOne(
      { _id: new Types.ObjectId(id), revokedAt: { $exists: false } },
      { $set: { revokedAt: at } },
    );
  }
}

function toCredential(document: DeviceCredentialDocument): StoredCredential {
  const { secretHash, createdAt } = document;
  return {
    id: document._id.toHexString(),
    vehicleId: document.vehicleId.toHexString(),
    label: document.label ?? null,
    secretHash,
    createdAt,
    revokedAt: document.revokedAt ?? null,
  };
}

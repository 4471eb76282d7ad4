import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import type { LegacyFields } from '../legacy-fields.js';

/** The pictures of one request that are in LEGACY_SHADOW_DIR. */
export interface ShadowRequest {
  readonly vehicleId: string;
  readonly boxCode: string;
  /** Time of the request; no other request of the vehicle has the same. */
  readonly receivedAt: Date;
  /** See `RecordEpoch`. */
  readonly roleEpoch?: number;
  /** As JSON: the names are those of the box, and MongoDB refuses some. */
  readonly fields: LegacyFields;
  /** In the order of the request. */
  readonly files: readonly ShadowFile[];
}

interface ShadowFile {
  /** As the box sent it. */
  readonly filename: string;
  /** Below LEGACY_SHADOW_DIR; null: the part is no picture and is not stored. */
  readonly path: string | null;
}

type ShadowDocument = Omit<ShadowRequest, 'fields'> & { readonly _id: string; readonly fields: string };

/** `legacy_shadow_pictures`. The `_id` sorts by arrival. It needs no further index, so its first document creates it. */
@Injectable()
export class ShadowPicturesRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** Durable when it resolves. A request that is added again is stored once. */
  async add(request: ShadowRequest): Promise<void> {
    const document = { ...request, fields: JSON.stringify(request.fields) };
    await this.requests.updateOne({ _id: idOf(request) }, { $setOnInsert: document }, { upsert: true });
  }

  async find(vehicleId: string, receivedAt: Date): Promise<ShadowRequest | null> {
    const found = await this.requests.findOne({ _id: idOf({ vehicleId, receivedAt }) });
    return found && toRequest(found);
  }

  /** The oldest before a time. */
  async listBefore(at: Date, limit: number): Promise<ShadowRequest[]> {
    const found = await this.requests
      .find({ _id: { $lt: timeOf(at) } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return found.map(toRequest);
  }

  async remove(requests: readonly ShadowRequest[]): Promise<void> {
    if (requests.length > 0) await this.requests.deleteMany({ _id: { $in: requests.map(idOf) } });
  }

  private get requests(): mongo.Collection<ShadowDocument> {
    return collectionOf<ShadowDocument>(this.connection, 'legacy_shadow_pictures');
  }
}

function toRequest({ _id: _, fields, ...request }: ShadowDocument): ShadowRequest {
  return { ...request, fields: JSON.parse(fields) as LegacyFields };
}

function idOf({ vehicleId, receivedAt }: Pick<ShadowRequest, 'vehicleId' | 'receivedAt'>): string {
  return `${timeOf(receivedAt)}:${vehicleId}`;
}

const timeOf = (at: Date): string => String(at.getTime()).padStart(15, '0');

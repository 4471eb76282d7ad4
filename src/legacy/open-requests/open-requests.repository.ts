import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import type { LatLon } from '../../core/index.js';
import { collectionOf } from '../../database/index.js';
import { parsePoint } from '../shared-collections/travel-time.js';

/** A document of `aoc_requests` that is neither completed nor cancelled. */
export interface OpenRequestRecord {
  readonly id: string;
  /** As the old system writes it; "" when absent. */
  readonly status: string;
  readonly ambulanceId: string;
  /** As the old system writes it; "" when absent. */
  readonly requestType: string;
  /** null: no program has written one. */
  readonly destination: LatLon | null;
}

/**
 * Every text but CANCELED and COMPLETED, or no status. Written as ranges, which an index can serve and the embedded
 * database supports.
 */
const IS_OPEN: mongo.Filter<mongo.BSON.Document> = {
  $or: [
    { request_status: { $lt: 'CANCELED' } },
    { request_status: { $gt: 'CANCELED', $lt: 'COMPLETED' } },
    { request_status: { $gt: 'COMPLETED' } },
    { request_status: { $exists: false } },
  ],
};

/** `aoc_requests` and the destinations in `ambulance_trackings`. Other programs own both; they are only read here. */
@Injectable()
export class OpenRequestsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  async list(): Promise<OpenRequestRecord[]> {
    const requests = await collectionOf(this.connection, 'aoc_requests')
      .find(IS_OPEN, { projection: { ambulance_id: 1, request_type: 1, request_status: 1 } })
      .toArray();
    // Other programs may write ids as text; it is not known which ones do.
    const ids = requests.flatMap(({ ambulance_id: id }): unknown[] => idAsObjectIdAndText(String(id)));
    const trackings = await collectionOf(this.connection, 'ambulance_trackings')
      .find({ ambulance_id: { $in: ids } }, { projection: { ambulance_id: 1, destination_location: 1 } })
      .toArray();
    const destinations = new Map(
      trackings.map(({ ambulance_id: id, destination_location: place }) => [String(id), parsePoint(place)]),
    );
    return requests.map(({ _id, ambulance_id: id, request_type: type, request_status: status }) => ({
      id: String(_id),
      status: typeof status === 'string' ? status : '',
      ambulanceId: String(id),
      requestType: typeof type === 'string' ? type : '',
      destination: destinations.get(String(id)) ?? null,
    }));
  }
}

function idAsObjectIdAndText(id: string): unknown[] {
  return /^[0-9a-f]{24}$/.test(id) ? [id, new mongo.ObjectId(id)] : [id];
}

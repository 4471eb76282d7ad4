import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import { type LatLon, parsePoint } from '../shared-collections/travel-time.js';

/** A request that is neither completed nor cancelled. */
export interface OpenRequestRecord {
  readonly id: string;
  /** In the old server's words; "" when it has none. */
  readonly status: string;
  readonly ambulanceId: string;
  /** In the old server's words; "" when it has none. */
  readonly requestType: string;
  /** null: no other program has written one. */
  readonly destination: LatLon | null;
}

/**
 * Any text but CANCELED and COMPLETED, or none: in ranges, so that the database picks them out of years of requests and
 * the embedded one can too.
 */
const IS_OPEN: mongo.Filter<mongo.BSON.Document> = {
  $or: [
    { request_status: { $lt: 'CANCELED' } },
    { request_status: { $gt: 'CANCELED', $lt: 'COMPLETED' } },
    { request_status: { $gt: 'COMPLETED' } },
    { request_status: { $exists: false } },
  ],
};

/** `aoc_requests`, and where their ambulances are to go: other programs' collections, read and never written. */
@Injectable()
export class OpenRequestsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  async list(): Promise<OpenRequestRecord[]> {
    const requests = await this.collection('aoc_requests')
      .find(IS_OPEN, { projection: { ambulance_id: 1, request_type: 1, request_status: 1 } })
      .toArray();
    // As ids and as text: which of the two each program writes, the facts do not say.
    const ids = requests.flatMap(({ ambulance_id: id }): unknown[] => idAsObjectIdAndText(String(id)));
    const trackings = await this.collection('ambulance_trackings')
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

  private collection(name: string): mongo.Collection {
    return collectionOf(this.connection, name);
  }
}

function idAsObjectIdAndText(id: string): unknown[] {
  return /^[0-9a-f]{24}$/.test(id) ? [id, new mongo.ObjectId(id)] : [id];
}

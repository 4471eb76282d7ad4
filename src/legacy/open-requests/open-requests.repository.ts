import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { Clock, type LatLon } from '../../core/index.js';
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

/**
 * The collection has no index but that on `_id`. A complete read finds requests that another program has opened again;
 * in between, the requests of the last hour and those that were open before are read by `_id`.
 */
const COMPLETE_READ_EVERY_MS = 600_000;
/** Tolerance for the clocks of the programs that make the ids. */
const RECENT_MS = 3_600_000;

/** `aoc_requests` and the destinations in `ambulance_trackings`. Other programs own both; they are only read here. */
@Injectable()
export class OpenRequestsRepository {
  private completelyReadAtMs = -Infinity;
  /** `_id`s of the requests that were open at the last read. */
  private openIds: unknown[] = [];

  constructor(
    @InjectConnection() private readonly connection: Connection,
    private readonly clock: Clock,
  ) {}

  /** In the order of their ids. */
  async list(): Promise<OpenRequestRecord[]> {
    const requests = await this.readOpen();
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

  private async readOpen(): Promise<mongo.WithId<mongo.BSON.Document>[]> {
    const nowMs = this.clock.nowMs();
    const ageMs = nowMs - this.completelyReadAtMs;
    const isComplete = !(ageMs >= 0 && ageMs < COMPLETE_READ_EVERY_MS);
    const since = mongo.ObjectId.createFromTime(Math.floor((nowMs - RECENT_MS) / 1_000));
    const filters: mongo.Filter<mongo.BSON.Document>[] = isComplete
      ? [IS_OPEN]
      : [
          { _id: { $in: this.openIds as mongo.ObjectId[] }, ...IS_OPEN },
          { _id: { $gte: since }, ...IS_OPEN },
        ];
    const projection = { ambulance_id: 1, request_type: 1, request_status: 1 };
    const found = await Promise.all(
      filters.map((filter) =>
        collectionOf(this.connection, 'aoc_requests').find(filter, { projection }).toArray(),
      ),
    );
    const byId = new Map(found.flat().map((request) => [String(request._id), request]));
    this.openIds = [...byId.values()].map(({ _id }) => _id);
    if (isComplete) this.completelyReadAtMs = nowMs;
    return [...byId].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, request]) => request);
  }
}

function idAsObjectIdAndText(id: string): unknown[] {
  return /^[0-9a-f]{24}$/.test(id) ? [id, new mongo.ObjectId(id)] : [id];
}

import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { roundedUpKmh } from './average-speed.js';
import { collectionOf } from '../../database/index.js';

/** A crash report that is durable. */
export interface SharedCrash {
  /** 24 hexadecimal digits; the document's `_id`, which panels are told as `ambulance_crashes_id`. */
  readonly id: string;
  readonly vehicleId: string;
  /** When it arrived, epoch milliseconds. */
  readonly receivedAtMs: number;
  /** Degrees, WGS-84; null: the box did not say. */
  readonly lat: number | null;
  readonly lon: number | null;
  readonly speedMps?: number;
  readonly headingDeg?: number;
}

interface CrashDocument {
  readonly _id: mongo.ObjectId;
  readonly ambulance_id: mongo.ObjectId;
  readonly location?: { readonly lat: number; readonly lon: number };
  readonly speed?: number;
  readonly heading?: number;
  readonly count_datetime: Date;
}

/**
 * `ambulance_crashes`. Without the address and the static map that the old server put there: it asked Google for both, the
 * second with its key in it for every reader to see.
 */
@Injectable()
export class CrashCollectionRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** Each once, and never over what another program has written into it since. @returns how many were not there */
  async upsert(
    crashes: readonly { readonly ambulanceId: string; readonly crash: SharedCrash }[],
  ): Promise<number> {
    if (crashes.length === 0) return 0;
    const { upsertedCount } = await this.crashes.bulkWrite(
      crashes.map(({ ambulanceId, crash }) => {
        const { _id, ...$setOnInsert } = toDocument(ambulanceId, crash);
        return { updateOne: { filter: { _id }, update: { $setOnInsert }, upsert: true } };
      }),
      { ordered: false },
    );
    return upsertedCount;
  }

  private get crashes(): mongo.Collection<CrashDocument> {
    return collectionOf<CrashDocument>(this.connection, 'ambulance_crashes');
  }
}

function toDocument(ambulanceId: string, crash: SharedCrash): CrashDocument {
  const { id, receivedAtMs, lat, lon, speedMps, headingDeg } = crash;
  return {
    _id: new mongo.ObjectId(id),
    ambulance_id: new mongo.ObjectId(ambulanceId),
    ...(lat !== null && lon !== null && { location: { lat, lon } }),
    ...(speedMps !== undefined && { speed: roundedUpKmh(speedMps) }),
    ...(headingDeg !== undefined && { heading: headingDeg }),
    count_datetime: new Date(receivedAtMs),
  };
}

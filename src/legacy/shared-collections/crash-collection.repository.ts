import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import type { Crash } from '../../crashes/index.js';
import { roundedUpKmh } from '../../crew-events/index.js';

/**
 * `ambulance_crashes`, without the address and the static map of the old server: the URL of the map contained the Google
 * API key.
 */
@Injectable()
export class CrashCollectionRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** Inserts each crash once and never overwrites a document. @returns the number of inserted documents */
  async upsert(crashes: readonly { readonly ambulanceId: string; readonly crash: Crash }[]): Promise<number> {
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

  private get crashes(): mongo.Collection<ReturnType<typeof toDocument>> {
    return collectionOf<ReturnType<typeof toDocument>>(this.connection, 'ambulance_crashes');
  }
}

/** A document in the old server's format. */
function toDocument(ambulanceId: string, { id, reportedAt, lat, lon, speedMps, headingDeg }: Crash) {
  return {
    _id: new mongo.ObjectId(id),
    ambulance_id: new mongo.ObjectId(ambulanceId),
    ...(lat !== null && lon !== null && { location: { lat, lon } }),
    ...(speedMps !== null && { speed: roundedUpKmh(speedMps) }),
    ...(headingDeg !== null && { heading: headingDeg }),
    count_datetime: reportedAt,
  };
}

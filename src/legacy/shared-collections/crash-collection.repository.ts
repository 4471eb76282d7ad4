import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import type { Crash } from '../../crashes/index.js';
import { kmhOf, twoDecimals } from './legacy-speed.js';

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

  async isAnyMissing(crashes: readonly Crash[]): Promise<boolean> {
    const ids = crashes.map(({ id }) => new mongo.ObjectId(id));
    const found = await this.crashes.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
    return found.length < new Set(crashes.map(({ id }) => id)).size;
  }

  /**
   * Whether the old server has stored a crash of an ambulance since a time, by the time in the ids, which is exact to a second:
   * the index of `_id` exists in every database.
   */
  async hasAnySince(ambulanceId: string, sinceMs: number): Promise<boolean> {
    const $gte = mongo.ObjectId.createFromTime(Math.floor(sinceMs / 1_000));
    const filter = { _id: { $gte }, ambulance_id: new mongo.ObjectId(ambulanceId) };
    return (await this.crashes.findOne(filter, { projection: { _id: 1 } })) !== null;
  }

  private get crashes(): mongo.Collection<ReturnType<typeof toDocument>> {
    return collectionOf<ReturnType<typeof toDocument>>(this.connection, 'ambulance_crashes');
  }
}

/** A document of the old server: a page opens all of these keys, so each has a value. */
function toDocument(ambulanceId: string, { id, reportedAt, lat, lon, speedMps, headingDeg }: Crash) {
  return {
    _id: new mongo.ObjectId(id),
    ambulance_id: new mongo.ObjectId(ambulanceId),
    // The old schema's default for a report without a place.
    location: { lat: lat ?? 0, lon: lon ?? 0 },
    speed: speedMps === null ? 0 : twoDecimals(kmhOf(speedMps)),
    // A text. A box without a fix sends "nan".
    heading: headingDeg === null ? 'nan' : String(headingDeg),
    location_detail: { address: '', image: '' },
    // Another program sets it to 1 when an operator confirms the crash.
    app_notification: 0,
    createdAt: reportedAt,
    updatedAt: reportedAt,
    __v: 0,
  };
}

import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { collectionOf } from '../../database/index.js';

/** Collections in which each post of a box makes a document. */
const GROWING = ['ambulance_tracking_histories', 'ambulance_image_histories', 'ambulance_crashes'] as const;
/** The collection has one document an ambulance. */
const MAX_TRACKINGS = 10_000;

/** What only the tracking server writes, by collection. Equal at two times: it has written nothing between them. */
export type OldWrites = Readonly<Record<string, string>>;

/** Reads traces of writing in the collections of the old server, by indexes that every MongoDB has. */
@Injectable()
export class OldWritesRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** @throws storage's errors */
  async read(): Promise<OldWrites> {
    const newest = await Promise.all(
      GROWING.map(async (name) => {
        const [last] = await collectionOf(this.connection, name)
          .find({}, { projection: { _id: 1 } })
          .sort({ _id: -1 })
          .limit(1)
          .toArray();
        return [name, String(last?._id ?? '')] as const;
      }),
    );
    // Other programs write `updatedAt` too.
    const trackings = await collectionOf(this.connection, 'ambulance_trackings')
      .find({}, { projection: { count_datetime: 1 } })
      .limit(MAX_TRACKINGS)
      .toArray();
    const times = trackings.map(({ _id, count_datetime: at }) => `${String(_id)} ${String(at)}`).sort();
    return Object.fromEntries([...newest, ['ambulance_trackings', times.join('\n')]]);
  }
}

/** Collections that were written between two readings. */
export function changedCollections(before: OldWrites, after: OldWrites): string[] {
  return Object.keys(after).filter((name) => before[name] !== after[name]);
}

import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import type { StoredTracking } from '../../crew-events/index.js';
import { collectionOf } from '../../database/index.js';
import { timeMsOf } from './document-time.js';

/** The collection has one document an ambulance. */
const MAX_READ = 10_000;

/** What `ambulance_trackings` holds of all ambulances. Only read here. */
@Injectable()
export class StoredTrackingsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** By ambulance id. Documents without a speed or a time are left out. @throws storage's errors */
  async list(): Promise<ReadonlyMap<string, StoredTracking>> {
    const projection = { ambulance_id: 1, speed: 1, count_datetime: 1, updatedAt: 1 };
    const found = collectionOf(this.connection, 'ambulance_trackings')
      .find({}, { projection })
      .limit(MAX_READ);
    const trackings = new Map<string, StoredTracking>();
    for await (const { ambulance_id: id, speed, count_datetime, updatedAt } of found) {
      const atMs = timeMsOf(count_datetime ?? updatedAt);
      if (typeof speed === 'number' && atMs !== null) trackings.set(String(id), { speedKmh: speed, atMs });
    }
    return trackings;
  }
}

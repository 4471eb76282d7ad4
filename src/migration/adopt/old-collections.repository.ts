import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import type { OldAmbulance } from './old-ambulance.js';

/** Documents read, oldest first: enough to find out whether the history has places. */
const HISTORY_SAMPLE_SIZE = 1_000;

/** A sample of the old history. */
export interface HistoryStatistics {
  readonly documents: number;
  /** The number of documents in the sample, the oldest ones. */
  readonly lookedInto: number;
  readonly withPlace: number;
}

/** The collections of the old server and its programs. They are only read. */
@Injectable()
export class OldCollectionsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** In ascending order of their ids. */
  async listAmbulances(): Promise<OldAmbulance[]> {
    const found = await this.collection('ambulances').find().sort({ _id: 1 }).toArray();
    return found.map(({ _id, ...fields }) => ({
      id: _id instanceof mongo.ObjectId ? _id.toHexString() : null,
      displayId: String(_id),
      fields,
    }));
  }

  /**
   * Ambulance id → time of its newest position. Not `updatedAt`, which other programs set too; without a readable
   * `count_datetime` there is no entry.
   */
  async listLastReports(): Promise<ReadonlyMap<string, Date>> {
    const projection = { ambulance_id: 1, count_datetime: 1 };
    const found = await this.collection('ambulance_trackings').find({}, { projection }).toArray();
    return new Map(
      found.flatMap(({ ambulance_id: id, count_datetime: at }): [string, Date][] =>
        at instanceof Date ? [[String(id), at]] : [],
      ),
    );
  }

  async sampleHistory(): Promise<HistoryStatistics> {
    const histories = this.collection('ambulance_tracking_histories');
    const documents = await histories.estimatedDocumentCount();
    const looked = await histories.find().sort({ _id: 1 }).limit(HISTORY_SAMPLE_SIZE).toArray();
    const withPlace = looked.filter(({ location }) => isPlace(location)).length;
    return { documents, lookedInto: looked.length, withPlace };
  }

  private collection(name: string): mongo.Collection {
    return collectionOf(this.connection, name);
  }
}

/** The old schema stores 0,0 when the place is missing. */
function isPlace(location: unknown): boolean {
  const { lat, lon } = (location ?? {}) as { readonly lat?: unknown; readonly lon?: unknown };
  return typeof lat === 'number' && typeof lon === 'number' && !(lat === 0 && lon === 0);
}

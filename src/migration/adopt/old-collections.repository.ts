import { type Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import type { OldAmbulance } from './old-ambulance.js';

/** Documents looked into, oldest first: enough to say whether there are places in them. */
const HISTORY_SAMPLE_SIZE = 1_000;

/** What the old history is worth. */
export interface HistoryStatistics {
  readonly documents: number;
  /** Of the oldest so many that were looked into. */
  readonly lookedInto: number;
  readonly withPlace: number;
}

/** Collections of the old server and of the programs beside it: read, never written. */
export class OldCollectionsRepository {
  constructor(private readonly connection: Connection) {}

  /** In the order of their ids. */
  async listAmbulances(): Promise<OldAmbulance[]> {
    const found = await this.collection('ambulances').find().sort({ _id: 1 }).toArray();
    return found.map(({ _id, ...fields }) => ({
      id: _id instanceof mongo.ObjectId ? _id.toHexString() : null,
      displayId: String(_id),
      fields,
    }));
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

/** 0,0 is what the old schema puts where nothing was given. */
function isPlace(location: unknown): boolean {
  const { lat, lon } = (location ?? {}) as { readonly lat?: unknown; readonly lon?: unknown };
  return typeof lat === 'number' && typeof lon === 'number' && !(lat === 0 && lon === 0);
}

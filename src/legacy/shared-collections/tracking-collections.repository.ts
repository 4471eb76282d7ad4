import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import type { Position } from '../../core/index.js';
import { collectionOf } from '../../database/index.js';
import { deterministicId } from './deterministic-id.js';
import { updateTracking, type HistoryEntry, historyEntry, type LegacyTracking } from './tracking-update.js';

/** A position with the ambulance id of its vehicle. */
interface AmbulancePosition {
  readonly ambulanceId: string;
  readonly position: Position;
}

type HistoryDocument = HistoryEntry & { readonly _id: mongo.ObjectId; readonly ambulance_id: mongo.ObjectId };
type TrackingDocument = LegacyTracking & { readonly _id: mongo.ObjectId; readonly ambulance_id: unknown };

const FOREIGN_FIELDS = ['source_location', 'destination_location'] as const;
/** An attempt fails when another program has written one of the documents meanwhile. */
const MAX_ATTEMPTS = 5;

/**
 * `ambulance_trackings` and `ambulance_tracking_histories`, without mongoose models: other programs own the schemas and the
 * other fields of the documents. Only documents are created here, no indexes.
 */
@Injectable()
export class TrackingCollectionsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** Idempotent. @returns the number of documents inserted or changed */
  async upsertHistories(entries: readonly AmbulancePosition[]): Promise<number> {
    const documents = entries.map(toHistory);
    if (documents.length === 0) return 0;
    const ids = documents.map(({ _id }) => _id);
    const known = new Map<string, HistoryDocument>();
    for await (const each of this.histories.find({ _id: { $in: ids } }))
      known.set(each._id.toHexString(), each);
    // A release from quarantine can change the place of a vehicle's position at the same time.
    const changed = documents.filter((each) => !isSame(each, known.get(each._id.toHexString())));
    if (changed.length === 0) return 0;
    await this.histories.bulkWrite(
      changed.map(({ _id, ...fields }) => ({
        updateOne: { filter: { _id }, update: { $set: fields }, upsert: true },
      })),
      { ordered: false },
    );
    return changed.length;
  }

  /**
   * Updates each ambulance's document to its newest position. The old server and other programs write the same documents,
   * so an update applies only to the document as it was read; otherwise it is read again.
   * @returns the number of documents changed
   */
  async advance(entries: readonly AmbulancePosition[]): Promise<number> {
    const byAmbulance = new Map<string, Position[]>();
    for (const { ambulanceId, position } of entries) {
      const positions = byAmbulance.get(ambulanceId) ?? [];
      positions.push(position);
      byAmbulance.set(ambulanceId, positions);
    }
    let changed = 0;
    for (let attempt = 0; attempt < MAX_ATTEMPTS && byAmbulance.size > 0; attempt += 1) {
      const operations = this.planUpdates(byAmbulance, await this.documentsOf([...byAmbulance.keys()]));
      if (operations.length === 0) return changed;
      const { matchedCount, upsertedCount } = await this.trackings.bulkWrite(operations, { ordered: false });
      changed += matchedCount + upsertedCount;
    }
    return changed;
  }

  private planUpdates(
    byAmbulance: ReadonlyMap<string, readonly Position[]>,
    documents: ReadonlyMap<string, readonly TrackingDocument[]>,
  ): mongo.AnyBulkWriteOperation<TrackingDocument>[] {
    const operations: mongo.AnyBulkWriteOperation<TrackingDocument>[] = [];
    for (const [ambulanceId, positions] of byAmbulance) {
      const found = documents.get(ambulanceId) ?? [];
      if (found.length === 0) operations.push(insertion(ambulanceId, positions));
      const spare = found.length > 1 ? found.find((each) => isOnlyOurs(each, ambulanceId)) : undefined;
      // The old server has inserted a document at the same time: exactly one may remain.
      if (spare) operations.push(deletionOfOwn(ambulanceId));
      const kept = found.find((each) => each !== spare);
      const change = kept && updateTracking(kept, positions);
      if (!change) continue;
      // An absent field equals null.
      const asRead = { _id: kept._id, count_datetime: kept.count_datetime ?? null };
      operations.push({ updateOne: { filter: asRead, update: { $set: { ...change } } } });
    }
    return operations;
  }

  private async documentsOf(
    ambulanceIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly TrackingDocument[]>> {
    // Searches for ObjectIds and for text: it is not known which of them other programs write.
    const ids = ambulanceIds.flatMap((id): unknown[] => [new mongo.ObjectId(id), id]);
    const found = new Map<string, TrackingDocument[]>();
    for await (const each of this.trackings.find({ ambulance_id: { $in: ids } })) {
      const id = String(each.ambulance_id);
      found.set(id, [...(found.get(id) ?? []), each]);
    }
    return found;
  }

  private get trackings(): mongo.Collection<TrackingDocument> {
    return collectionOf<TrackingDocument>(this.connection, 'ambulance_trackings');
  }

  private get histories(): mongo.Collection<HistoryDocument> {
    return collectionOf<HistoryDocument>(this.connection, 'ambulance_tracking_histories');
  }
}

function toHistory({ ambulanceId, position }: AmbulancePosition): HistoryDocument {
  return {
    _id: new mongo.ObjectId(deterministicId('tracking', position.timeMs, ambulanceId)),
    ambulance_id: new mongo.ObjectId(ambulanceId),
    ...historyEntry(position),
  };
}

function isSame({ location }: HistoryDocument, known: HistoryDocument | undefined): boolean {
  return known?.location?.lat === location.lat && known.location.lon === location.lon;
}

/**
 * Inserts a complete document, with the ambulance's id as `_id`: two instances that insert at once create one document.
 */
function insertion(
  ambulanceId: string,
  positions: readonly Position[],
): mongo.AnyBulkWriteOperation<TrackingDocument> {
  const _id = new mongo.ObjectId(ambulanceId);
  const $setOnInsert = {
    ambulance_id: _id,
    covered_distance: 0,
    state: 'GREEN',
    ...updateTracking({}, positions),
  };
  return { updateOne: { filter: { _id }, update: { $setOnInsert }, upsert: true } };
}

/** True for a document that this service created and no other program has written to. */
function isOnlyOurs(document: TrackingDocument, ambulanceId: string): boolean {
  return document._id.toHexString() === ambulanceId && FOREIGN_FIELDS.every((field) => !(field in document));
}

/** Does nothing when another program has written to the document meanwhile. */
function deletionOfOwn(ambulanceId: string): mongo.AnyBulkWriteOperation<TrackingDocument> {
  const untouched = Object.fromEntries(FOREIGN_FIELDS.map((field) => [field, { $exists: false }]));
  return { deleteOne: { filter: { _id: new mongo.ObjectId(ambulanceId), ...untouched } } };
}

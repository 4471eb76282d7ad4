import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import type { Position } from '../../core/index.js';
import { collectionOf } from '../../database/index.js';
import { deterministicId } from './deterministic-id.js';
import { timeMsOf } from './document-time.js';
import { endedEpisodes, type EpisodeIds, episodesOf } from './speeding-episodes.js';
import {
  type HistoryEntry,
  historyEntry,
  type LegacyTracking,
  newerThan,
  newTracking,
  updateTracking,
} from './tracking-update.js';
import { parsePoint } from './travel-time.js';

/** A position with the ambulance id of its vehicle. */
interface AmbulancePosition {
  readonly ambulanceId: string;
  readonly position: Position;
}

type HistoryDocument = HistoryEntry &
  EpisodeIds & { readonly _id: mongo.ObjectId; readonly ambulance_id: mongo.ObjectId };
type TrackingDocument = LegacyTracking & { readonly _id: mongo.ObjectId; readonly ambulance_id: unknown };
type TrackingOperation = mongo.AnyBulkWriteOperation<TrackingDocument>;

interface Plan {
  readonly histories: readonly HistoryDocument[];
  readonly trackings: readonly TrackingOperation[];
}

/** An attempt fails when another program has written one of the documents meanwhile. */
const MAX_ATTEMPTS = 5;

/**
 * `ambulance_trackings` and `ambulance_tracking_histories`, without mongoose models: other programs own the schemas and the
 * other fields of the documents. Only documents are created here, no indexes.
 */
@Injectable()
export class TrackingCollectionsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /**
   * Adds a history for each position, and updates each ambulance's document to its newest position. Idempotent. The old
   * server and other programs write the same documents, so an update applies only to the document as it was read; otherwise
   * it is read again.
   * @returns the number of documents written
   */
  async write(entries: readonly AmbulancePosition[]): Promise<number> {
    const byAmbulance = new Map<string, Position[]>();
    for (const { ambulanceId, position } of entries) {
      const positions = byAmbulance.get(ambulanceId) ?? [];
      positions.push(position);
      byAmbulance.set(ambulanceId, positions);
    }
    if (byAmbulance.size === 0) return 0;
    const stored = await this.storedHistories(entries);
    let count = 0;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const documents = await this.documentsOf([...byAmbulance.keys()]);
      const plans = [...byAmbulance].map(([ambulanceId, positions]) =>
        plan(ambulanceId, positions, documents.get(ambulanceId) ?? [], stored),
      );
      // Histories first: a repeat after a kill finds the ids of their episodes and gives them to the document.
      count += await this.writeHistories(
        plans.flatMap(({ histories }) => histories),
        stored,
      );
      const operations = plans.flatMap(({ trackings }) => trackings);
      if (operations.length === 0) return count;
      const { matchedCount, upsertedCount } = await this.trackings.bulkWrite(operations, { ordered: false });
      count += matchedCount + upsertedCount;
    }
    return count;
  }

  /** Whether any of them has no history. */
  async isAnyMissing(entries: readonly AmbulancePosition[]): Promise<boolean> {
    const stored = await this.storedHistories(entries);
    return entries.some(
      ({ ambulanceId, position }) => !stored.has(historyId(ambulanceId, position).toHexString()),
    );
  }

  private async storedHistories(
    entries: readonly AmbulancePosition[],
  ): Promise<Map<string, HistoryDocument>> {
    const ids = entries.map(({ ambulanceId, position }) => historyId(ambulanceId, position));
    const stored = new Map<string, HistoryDocument>();
    for await (const each of this.histories.find({ _id: { $in: ids } }))
      stored.set(each._id.toHexString(), each);
    return stored;
  }

  private async writeHistories(
    histories: readonly HistoryDocument[],
    stored: Map<string, HistoryDocument>,
  ): Promise<number> {
    if (histories.length === 0) return 0;
    await this.histories.bulkWrite(
      histories.map(({ _id, ...fields }) => {
        const $set = fields;
        const update = stored.has(_id.toHexString()) ? withoutEnded({ $set }, fields) : { $set };
        return { updateOne: { filter: { _id }, update, upsert: true } };
      }),
      { ordered: false },
    );
    for (const each of histories) stored.set(each._id.toHexString(), each);
    return histories.length;
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

/** The writes for one ambulance. @param found its documents in `ambulance_trackings`; usually one */
function plan(
  ambulanceId: string,
  positions: readonly Position[],
  found: readonly TrackingDocument[],
  stored: ReadonlyMap<string, HistoryDocument>,
): Plan {
  const spare = found.length > 1 ? found.find((each) => isOnlyOurs(each, ambulanceId)) : undefined;
  const kept = found.find((each) => each !== spare) ?? null;
  const storedAs = (position: Position) => stored.get(historyId(ambulanceId, position).toHexString());
  const episodes = episodesOf(
    ambulanceId,
    positions,
    { atMs: timeMsOf(kept?.count_datetime) ?? -Infinity, ids: kept ?? {} },
    storedAs,
    (hex) => new mongo.ObjectId(hex),
  );
  const histories = positions
    .toSorted((one, other) => one.timeMs - other.timeMs)
    // A release from quarantine can change the place of a vehicle's position at the same time.
    .filter((each) => !isSamePlaceAs(each, storedAs(each)))
    .map((position) => ({
      _id: historyId(ambulanceId, position),
      ambulance_id: new mongo.ObjectId(ambulanceId),
      ...historyEntry(position),
      ...episodes.get(position),
    }));
  const trackings: TrackingOperation[] = [];
  // The old server has inserted a document at the same time: exactly one may remain.
  if (spare) trackings.push({ deleteOne: { filter: asRead(spare) } });
  const fresh = newerThan(kept, positions);
  if (fresh.length === 0) return { histories, trackings };
  const withSpeed = fresh.findLast(({ speedMps }) => speedMps !== undefined);
  const ids = withSpeed && (episodes.get(withSpeed) ?? {});
  trackings.push(kept ? update(kept, fresh, ids) : insertion(ambulanceId, fresh, ids));
  return { histories, trackings };
}

/** @param ids undefined: no position has a speed, so the episodes go on */
function update(
  kept: TrackingDocument,
  fresh: readonly Position[],
  ids: EpisodeIds | undefined,
): TrackingOperation {
  const $set = { ...updateTracking(kept, fresh), ...ids };
  return { updateOne: { filter: asRead(kept), update: ids ? withoutEnded({ $set }, ids) : { $set } } };
}

/**
 * Inserts a complete document, with the ambulance's id as `_id`: two instances that insert at once create one document.
 */
function insertion(
  ambulanceId: string,
  fresh: readonly Position[],
  ids: EpisodeIds | undefined,
): TrackingOperation {
  const _id = new mongo.ObjectId(ambulanceId);
  const $setOnInsert = { ambulance_id: _id, ...newTracking(fresh), ...ids };
  return { updateOne: { filter: { _id }, update: { $setOnInsert }, upsert: true } };
}

/** Readers of the speed report take every document that has the field, whatever its value. */
function withoutEnded<Update extends object>(change: Update, ids: EpisodeIds): Update {
  const ended = Object.fromEntries(endedEpisodes(ids).map((field) => [field, 1]));
  return Object.keys(ended).length === 0 ? change : { ...change, $unset: ended };
}

/** The document only while no other program has written to it. An absent field equals null. */
function asRead({ _id, count_datetime = null, updatedAt = null }: TrackingDocument) {
  return { _id, count_datetime, updatedAt };
}

function historyId(ambulanceId: string, { timeMs }: Position): mongo.ObjectId {
  return new mongo.ObjectId(deterministicId('tracking', timeMs, ambulanceId));
}

function isSamePlaceAs({ lat, lon }: Position, stored: HistoryDocument | undefined): boolean {
  return stored?.location?.lat === lat && stored.location.lon === lon;
}

/** True for a document that this service created and no other program has written a place to. */
function isOnlyOurs(document: TrackingDocument, ambulanceId: string): boolean {
  const { source_location: source, destination_location: destination } = document;
  return (
    document._id.toHexString() === ambulanceId &&
    parsePoint(source) === null &&
    parsePoint(destination) === null
  );
}

import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import {
  imagesOf,
  isBefore,
  isSamePost,
  namesIn,
  type Snapshot,
  unionOf,
  wallTimeMs,
} from './legacy-snapshot.js';
import { deterministicId } from './deterministic-id.js';

interface PicturesDocument {
  readonly _id: mongo.ObjectId;
  readonly ambulance_id: unknown;
  readonly images?: unknown;
  /** Time of the request. */
  readonly updatedAt?: unknown;
}

/**
 * `ambulance_images` (newest request of each vehicle) and `ambulance_image_histories` (earlier requests). A request may be
 * given repeatedly, in parts and in any order: the newest ends up in the first collection, every other one in the second, under
 * an id made of its time. A request of an earlier release has only the second in its names as its time.
 */
@Injectable()
export class PictureCollectionsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** @returns the number of documents written */
  async upsert(ambulanceId: string, { at, names }: Pick<Snapshot, 'at' | 'names'>): Promise<number> {
    const current = await this.currentOf(ambulanceId);
    const shown = { at: timeIn(current?.updatedAt), names: namesIn(current?.images) };
    if (names.every((name) => shown.names.includes(name))) return 0;
    const isMore = isSamePost({ at, names }, shown);
    if (!isMore && isBefore({ at, names }, shown)) return this.upsertHistory(ambulanceId, { at, names });
    // Writes the history first: after a kill between the writes the request is in both, and the next write repairs
    // that.
    const moved = isMore || shown.names.length === 0 ? 0 : await this.upsertHistory(ambulanceId, shown);
    const ambulance = new mongo.ObjectId(ambulanceId);
    // Uses the ambulance's id as `_id`: two instances that insert at once create one document.
    await this.pictures.updateOne(
      { _id: current?._id ?? ambulance },
      {
        $set: {
          images: imagesOf(isMore ? unionOf(shown.names, names) : names),
          ...(at && { updatedAt: at }),
        },
        $setOnInsert: { ambulance_id: ambulance },
      },
      { upsert: true },
    );
    return moved + 1;
  }

  private async upsertHistory(
    ambulanceId: string,
    { at, names }: Pick<Snapshot, 'at' | 'names'>,
  ): Promise<number> {
    const atMs = at?.getTime() ?? wallTimeMs(names);
    // Names without a time identify the request themselves.
    const mark = atMs === 0 ? [...names].sort().join('\n') : '';
    const _id = new mongo.ObjectId(deterministicId('pictures', atMs, ambulanceId, mark));
    const known = namesIn((await this.histories.findOne({ _id }))?.images);
    if (names.every((name) => known.includes(name))) return 0;
    const former = { ambulance_id: new mongo.ObjectId(ambulanceId), images: imagesOf(unionOf(known, names)) };
    await this.histories.updateOne({ _id }, { $set: former }, { upsert: true });
    return 1;
  }

  /** Searches for an ObjectId and for text: it is not known which of them other programs write. */
  private currentOf(ambulanceId: string): Promise<PicturesDocument | null> {
    const ids: unknown[] = [new mongo.ObjectId(ambulanceId), ambulanceId];
    return this.pictures.findOne({ ambulance_id: { $in: ids } });
  }

  private get pictures(): mongo.Collection<PicturesDocument> {
    return collectionOf<PicturesDocument>(this.connection, 'ambulance_images');
  }

  private get histories(): mongo.Collection<PicturesDocument> {
    return collectionOf<PicturesDocument>(this.connection, 'ambulance_image_histories');
  }
}

const timeIn = (value: unknown): Date | null => (value instanceof Date ? value : null);

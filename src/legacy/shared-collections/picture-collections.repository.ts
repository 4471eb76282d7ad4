import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { imagesOf, isSamePost, namesIn, unionOf, wallTimeMs } from './legacy-snapshot.js';
import { collectionOf } from '../../database/index.js';
import { deterministicId } from './deterministic-id.js';

interface PicturesDocument {
  readonly _id: mongo.ObjectId;
  readonly ambulance_id: unknown;
  readonly images?: unknown;
}

/**
 * `ambulance_images`, the newest post of each vehicle, and `ambulance_image_histories`, those that were before. Each post
 * ends up in one of the two, however often, in whatever order and in however many parts it is given: the newest by the
 * time in its names in the first, every other one under an id made of that time in the second.
 */
@Injectable()
export class PictureCollectionsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** @returns how many documents were written */
  async upsert(ambulanceId: string, names: readonly string[]): Promise<number> {
    const current = await this.currentOf(ambulanceId);
    const shown = namesIn(current?.images);
    if (names.every((name) => shown.includes(name))) return 0;
    const isMore = isSamePost(names, shown);
    if (!isMore && wallTimeMs(names) < wallTimeMs(shown)) return this.upsertHistory(ambulanceId, names);
    // First into the histories: a kill in between leaves it in both, and the next time mends that.
    const moved = isMore || shown.length === 0 ? 0 : await this.upsertHistory(ambulanceId, shown);
    const ambulance = new mongo.ObjectId(ambulanceId);
    // Its `_id` is the ambulance's: two instances that find none make one.
    await this.pictures.updateOne(
      { _id: current?._id ?? ambulance },
      {
        $set: { images: imagesOf(isMore ? unionOf(shown, names) : names) },
        $setOnInsert: { ambulance_id: ambulance },
      },
      { upsert: true },
    );
    return moved + 1;
  }

  private async upsertHistory(ambulanceId: string, names: readonly string[]): Promise<number> {
    const atMs = wallTimeMs(names);
    // What does not tell its time is told from others by its names.
    const mark = atMs === 0 ? [...names].sort().join('\n') : '';
    const _id = new mongo.ObjectId(deterministicId('pictures', atMs, ambulanceId, mark));
    const known = namesIn((await this.histories.findOne({ _id }))?.images);
    if (names.every((name) => known.includes(name))) return 0;
    const former = { ambulance_id: new mongo.ObjectId(ambulanceId), images: imagesOf(unionOf(known, names)) };
    await this.histories.updateOne({ _id }, { $set: former }, { upsert: true });
    return 1;
  }

  /** As an id and as text: which of the two the other programs write, the facts do not say. */
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

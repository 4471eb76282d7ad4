import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { compareSnapshots, imagesOf, keyOf, namesIn, type OldImages, wallTimeMs } from './old-snapshot.js';
import { sharedDatabase } from './shared-database.repository.js';
import { sharedId } from './shared-id.js';

interface PicturesDocument {
  readonly _id: mongo.ObjectId;
  readonly ambulance_id: unknown;
  readonly images?: unknown;
}

/**
 * `ambulance_images`, the newest pictures of each vehicle, and `ambulance_image_histories`, those that were before. Each
 * snapshot ends up in one of the two, however often and in whatever order they are given: the newest by the time in its
 * names in the first, every other one under an id made of its names in the second.
 */
@Injectable()
export class PictureCollections {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** @returns how many documents were written */
  async keep(ambulanceId: string, names: readonly string[]): Promise<number> {
    const current = await this.currentOf(ambulanceId);
    const shown = namesIn(current?.images);
    // Also a part of what is shown: storage does not always tell how far a post went.
    if (names.every((name) => shown.includes(name))) return 0;
    const order = compareSnapshots(names, shown);
    if (order < 0) return this.keepFormer(ambulanceId, names);
    // First into the histories: a kill in between leaves it in both, and the next time mends that.
    const moved = shown.length > 0 ? await this.keepFormer(ambulanceId, shown) : 0;
    const ambulance = new mongo.ObjectId(ambulanceId);
    // Its `_id` is the ambulance's: two instances that find none make one.
    await this.pictures.updateOne(
      { _id: current?._id ?? ambulance },
      { $set: { images: imagesOf(names) }, $setOnInsert: { ambulance_id: ambulance } },
      { upsert: true },
    );
    return moved + 1;
  }

  private async keepFormer(ambulanceId: string, names: readonly string[]): Promise<number> {
    const _id = new mongo.ObjectId(sharedId('pictures', wallTimeMs(names), ambulanceId, keyOf(names)));
    const former: { ambulance_id: mongo.ObjectId; images: OldImages } = {
      ambulance_id: new mongo.ObjectId(ambulanceId),
      images: imagesOf(names),
    };
    const { upsertedCount } = await this.histories.updateOne(
      { _id },
      { $setOnInsert: former },
      { upsert: true },
    );
    return upsertedCount;
  }

  /** As an id and as text: which of the two the other programs write, the facts do not say. */
  private currentOf(ambulanceId: string): Promise<PicturesDocument | null> {
    const ids: unknown[] = [new mongo.ObjectId(ambulanceId), ambulanceId];
    return this.pictures.findOne({ ambulance_id: { $in: ids } });
  }

  private get pictures(): mongo.Collection<PicturesDocument> {
    return sharedDatabase(this.connection).collection<PicturesDocument>('ambulance_images');
  }

  private get histories(): mongo.Collection<PicturesDocument> {
    return sharedDatabase(this.connection).collection<PicturesDocument>('ambulance_image_histories');
  }
}

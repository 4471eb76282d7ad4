import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { duplicateKeyField, insertOrFindDuplicates } from '../database/index.js';
import { imageNotFound } from './image.errors.js';
import type { Image } from './image.js';
import { ImageRecord, toImage, toRecord } from './image.schema.js';
import { type Amount, amountOf, sumOf } from './totals/image-totals.repository.js';
import { isImageId } from './volume/volume-layout.js';

/** An image whose deletion has begun is invisible to readers. */
const NOT_DELETED = { deletedAt: { $exists: false } } as const;

@Injectable()
export class ImagesRepository {
  constructor(@InjectModel(ImageRecord.name) private readonly images: Model<ImageRecord>) {}

  /**
   * Durable when it resolves.
   * @returns false when another upload of the vehicle has these bytes
   */
  async addUpload(image: Image): Promise<boolean> {
    try {
      await this.images.collection.insertOne({ ...toRecord(image), contentKey: contentKeyOf(image) });
      return true;
    } catch (error) {
      if (duplicateKeyField(error) === 'contentKey') return false;
      throw error;
    }
  }

  /** As `addUpload`, for a vehicle that has an image with these bytes elsewhere and gets a second one at this path. */
  async addCopy(image: Image): Promise<void> {
    await this.images.collection.insertOne(toRecord(image));
  }

  /**
   * Stores new images in one command. Durable when it resolves.
   * @returns the places in the list of those that were not stored, because the vehicle has an image with these bytes
   * @throws storage/unavailable: then each may or may not be stored
   */
  addUploads(images: readonly Image[]): Promise<ReadonlySet<number>> {
    const records = images.map((image) => ({ ...toRecord(image), contentKey: contentKeyOf(image) }));
    return insertOrFindDuplicates(this.images, records);
  }

  async findById(id: string): Promise<Image | null> {
    if (!isImageId(id)) return null;
    const found = await this.images.findOne({ _id: new Types.ObjectId(id), ...NOT_DELETED }).lean();
    return found && toImage(found);
  }

  /** @throws images/not-found */
  async getById(id: string): Promise<Image> {
    const found = await this.findById(id);
    if (!found) throw imageNotFound();
    return found;
  }

  /** True also for an image whose deletion has begun. */
  async exists(id: string): Promise<boolean> {
    return (await this.images.findOne({ _id: new Types.ObjectId(id) }).lean()) !== null;
  }

  /** The newest image of the vehicle with these bytes. */
  async findBySha256(vehicleId: string, sha256: string): Promise<Image | null> {
    const found = await this.images
      .findOne({ vehicleId: new Types.ObjectId(vehicleId), sha256, ...NOT_DELETED })
      .sort({ _id: -1 })
      .lean();
    return found && toImage(found);
  }

  /** Newest first, from before the given id. */
  async list(vehicleId: string, beforeId: string | null, limit: number): Promise<Image[]> {
    const found = await this.images
      .find({
        vehicleId: new Types.ObjectId(vehicleId),
        ...(beforeId !== null && { _id: { $lt: new Types.ObjectId(beforeId) } }),
        ...NOT_DELETED,
      })
      .sort({ _id: -1 })
      .limit(limit)
      .lean();
    return found.map(toImage);
  }

  /** Images of all vehicles, ascending by id, after the given id. */
  async listAfter(afterId: string, limit: number): Promise<Image[]> {
    const found = await this.images
      .find({ _id: { $gt: new Types.ObjectId(afterId) }, ...NOT_DELETED })
      .sort({ _id: 1 })
      .limit(limit)
      .lean();
    return found.map(toImage);
  }

  /** Ascending by id, from after one id to before another. @param vehicleId null: of all vehicles and of none */
  async listOldest(
    vehicleId: string | null,
    afterId: string,
    endId: string,
    limit: number,
  ): Promise<Image[]> {
    const found = await this.images
      .find({
        ...(vehicleId !== null && { vehicleId: new Types.ObjectId(vehicleId) }),
        _id: { $gt: new Types.ObjectId(afterId), $lt: new Types.ObjectId(endId) },
        ...NOT_DELETED,
      })
      .sort({ _id: 1 })
      .limit(limit)
      .lean();
    return found.map(toImage);
  }

  /** The lowest id of an image of the vehicle that is not below the given one. @param vehicleId null: of no vehicle */
  async findNextId(vehicleId: string | null, fromId: string): Promise<string | null> {
    const found = await this.images
      .findOne({ ...ownerIs(vehicleId), _id: { $gte: new Types.ObjectId(fromId) } })
      .sort({ _id: 1 })
      .select({ _id: 1 })
      .lean();
    return found?._id.toHexString() ?? null;
  }

  /**
   * One step of a count: at most `limit` images of the vehicle with ids from after `afterId` to before `endId`.
   * @param vehicleId null: of no vehicle
   * @returns `lastId`: where the next step begins; null at the end
   */
  async sumStep(
    vehicleId: string | null,
    afterId: string,
    endId: string,
    limit: number,
  ): Promise<{ readonly amount: Amount; readonly lastId: string | null }> {
    const found = await this.images
      .find({
        ...ownerIs(vehicleId),
        _id: { $gt: new Types.ObjectId(afterId), $lt: new Types.ObjectId(endId) },
      })
      .sort({ _id: 1 })
      .limit(limit)
      .select({ sizeBytes: 1, path: 1, origin: 1 })
      .lean();
    return {
      amount: sumOf(found.map(amountOf)),
      lastId: found.length < limit ? null : (found.at(-1)?._id.toHexString() ?? null),
    };
  }

  /** Makes the image invisible. @returns false when it does not exist or its deletion has begun */
  async beginDelete(id: string, at: Date): Promise<boolean> {
    const { modifiedCount } = await this.images.updateOne(
      { _id: new Types.ObjectId(id), ...NOT_DELETED },
      // Frees the key, so that the same bytes can be sent again before the file is removed.
      { $set: { deletedAt: at }, $unset: { contentKey: 1 } },
    );
    return modifiedCount === 1;
  }

  /** As `beginDelete`, for many. */
  async beginDeletes(ids: readonly string[], at: Date): Promise<void> {
    await this.images.updateMany(
      { _id: { $in: ids.map((id) => new Types.ObjectId(id)) }, ...NOT_DELETED },
      { $set: { deletedAt: at }, $unset: { contentKey: 1 } },
    );
  }

  /** @returns how many records there were */
  async finishDeletes(ids: readonly string[]): Promise<number> {
    const { deletedCount } = await this.images.deleteMany({
      _id: { $in: ids.map((id) => new Types.ObjectId(id)) },
    });
    return deletedCount;
  }

  /** @returns false when another process has finished it */
  async finishDelete(id: string): Promise<boolean> {
    return (await this.images.deleteOne({ _id: new Types.ObjectId(id) })).deletedCount === 1;
  }

  /** Deletions begun before a moment and not finished. */
  async listUnfinishedDeletes(before: Date, limit: number): Promise<Image[]> {
    const found = await this.images
      .find({ deletedAt: { $lt: before } })
      .limit(limit)
      .lean();
    return found.map(toImage);
  }
}

/** A filter. Absent equals null. */
function ownerIs(vehicleId: string | null): { vehicleId: Types.ObjectId | null } {
  return { vehicleId: vehicleId === null ? null : new Types.ObjectId(vehicleId) };
}

const contentKeyOf = ({ vehicleId, sha256 }: Image): string => `${vehicleId}:${sha256}`;

import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { isImageId } from './image-id.js';
import { duplicateKeyField, MAJORITY_JOURNALED } from '../database/index.js';
import { imageNotFound } from './image.errors.js';
import type { Image } from './image.js';
import { ImageRecord } from './image.schema.js';

/** For who reads: a picture whose file is going is not there any more. */
const NOT_DELETED = { deletedAt: { $exists: false } } as const;

@Injectable()
export class ImagesRepository {
  constructor(@InjectModel(ImageRecord.name) private readonly images: Model<ImageRecord>) {}

  /**
   * Durable when it resolves; false: the vehicle has these bytes from another upload.
   * @param isFirstCopy false: it is known to have them, and is to have them in this place too
   */
  async addUpload(image: Image, isFirstCopy: boolean): Promise<boolean> {
    try {
      const contentKey = `${image.vehicleId}:${image.sha256}`;
      const record = { ...toRecord(image), ...(isFirstCopy && { contentKey }) };
      await this.images.collection.insertOne(record, { writeConcern: MAJORITY_JOURNALED });
      return true;
    } catch (error) {
      if (duplicateKeyField(error) === 'contentKey') return false;
      throw error;
    }
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

  /** Whatever is being done with it. */
  async exists(id: string): Promise<boolean> {
    return (await this.images.findOne({ _id: new Types.ObjectId(id) }).lean()) !== null;
  }

  /** The first that the vehicle has with these bytes. */
  async findBySha256(vehicleId: string, sha256: string): Promise<Image | null> {
    const found = await this.images
      .findOne({ vehicleId: new Types.ObjectId(vehicleId), sha256, ...NOT_DELETED })
      .lean();
    return found && toImage(found);
  }

  /** Newest first, before the given id. */
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

  /** Of all vehicles, ascending by id, after the given one. */
  async listAfter(afterId: string, limit: number): Promise<Image[]> {
    const found = await this.images
      .find({ _id: { $gt: new Types.ObjectId(afterId) }, ...NOT_DELETED })
      .sort({ _id: 1 })
      .limit(limit)
      .lean();
    return found.map(toImage);
  }

  /** Bytes of all pictures of a vehicle. */
  async sumSizes(vehicleId: string): Promise<number> {
    let sum = 0;
    const sizes = this.images
      .find({ vehicleId: new Types.ObjectId(vehicleId) })
      .select({ sizeBytes: 1 })
      .lean()
      .cursor({ batchSize: 5_000 });
    for await (const { sizeBytes } of sizes) sum += sizeBytes;
    return sum;
  }

  /** From now on nobody finds it; false: somebody else is at it, or it is gone. */
  async beginDelete(id: string, at: Date): Promise<boolean> {
    const { modifiedCount } = await this.images.updateOne(
      { _id: new Types.ObjectId(id), ...NOT_DELETED },
      // Without it the same bytes could not be sent again before the file is gone.
      { $set: { deletedAt: at }, $unset: { contentKey: 1 } },
    );
    return modifiedCount === 1;
  }

  async finishDelete(id: string): Promise<void> {
    await this.images.deleteOne({ _id: new Types.ObjectId(id) });
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

export function toRecord({ id, vehicleId, width, height, ...rest }: Image): ImageRecord {
  return {
    _id: new Types.ObjectId(id),
    ...(vehicleId !== null && { vehicleId: new Types.ObjectId(vehicleId) }),
    ...(width !== null && { width }),
    ...(height !== null && { height }),
    ...rest,
  };
}

export function toImage(record: ImageRecord): Image {
  return {
    id: record._id.toHexString(),
    vehicleId: record.vehicleId?.toHexString() ?? null,
    path: record.path,
    filename: record.filename,
    contentType: record.contentType,
    sizeBytes: record.sizeBytes,
    sha256: record.sha256,
    width: record.width ?? null,
    height: record.height ?? null,
    origin: record.origin,
    createdAt: record.createdAt,
  };
}

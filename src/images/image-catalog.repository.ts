import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { insertOrFindDuplicates } from '../database/index.js';
import type { Image } from './image.js';
import { ImageRecord, toRecord } from './image.schema.js';
import { type DayKey, ImageTotalsRepository, NO_VEHICLE } from './totals/image-totals.repository.js';
import { dayOfImageId } from './volume/volume-layout.js';

/** The record of a file, for comparison with the volume. */
export interface CatalogEntry {
  /** Below the volume, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Epoch milliseconds; null for an upload, whose modification time is not recorded. */
  readonly mtimeMs: number | null;
  readonly hasVehicle: boolean;
}

export interface AdoptedImage {
  readonly image: Image;
  /** Epoch milliseconds. */
  readonly mtimeMs: number;
}

/** The records as a list of the files of the volume, which commands compare, adopt and assign. */
@Injectable()
export class ImageCatalogRepository {
  constructor(
    @InjectModel(ImageRecord.name) private readonly images: Model<ImageRecord>,
    private readonly totals: ImageTotalsRepository,
  ) {}

  async findByPaths(paths: readonly string[]): Promise<ReadonlyMap<string, CatalogEntry>> {
    const found = await this.images.find({ path: { $in: [...paths] } }).lean();
    return new Map(found.map((record) => [record.path, toEntry(record)]));
  }

  /**
   * A page of files ordered by path, from after the given path. Files whose deletion has begun are left out.
   * @returns `last`: the path to continue after; null after the last page
   */
  async listByPath(after: string, limit: number): Promise<{ entries: CatalogEntry[]; last: string | null }> {
    const found = await this.images
      .find({ path: { $gt: after } })
      .sort({ path: 1 })
      .limit(limit)
      .lean();
    return {
      entries: found.filter(({ deletedAt }) => deletedAt === undefined).map(toEntry),
      last: found.length < limit ? null : (found.at(-1)?.path ?? null),
    };
  }

  /** Durable when it resolves. Leaves existing records unchanged. @returns the number of new records */
  async adopt(images: readonly AdoptedImage[]): Promise<number> {
    if (images.length === 0) return 0;
    await this.totals.markStale(images.map(({ image }) => dayOf(image.id, image.vehicleId)));
    const records = images.map(({ image, mtimeMs }) => ({ ...toRecord(image), mtimeMs }));
    const known = await insertOrFindDuplicates(this.images, records);
    return images.length - known.size;
  }

  async assignVehicle(path: string, vehicleId: string): Promise<void> {
    const found = await this.images
      .findOneAndUpdate({ path }, { $set: { vehicleId: new Types.ObjectId(vehicleId) } })
      .lean();
    if (!found) return;
    const id = found._id.toHexString();
    await this.totals.markStale([dayOf(id, null), dayOf(id, vehicleId)]);
  }
}

const dayOf = (id: string, vehicleId: string | null): DayKey => ({
  vehicleId: vehicleId ?? NO_VEHICLE,
  day: dayOfImageId(id),
});

function toEntry({ path, sizeBytes, sha256, mtimeMs, vehicleId }: ImageRecord): CatalogEntry {
  return { path, sizeBytes, sha256, mtimeMs: mtimeMs ?? null, hasVehicle: vehicleId !== undefined };
}

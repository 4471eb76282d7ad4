import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { insertOrFindDuplicates } from '../database/index.js';
import { ImageRecord } from './image.schema.js';
import type { Image } from './image.js';
import { toRecord } from './images.repository.js';

/** What is recorded of a file below the volume. */
export interface CatalogEntry {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** null: an upload, of which no time of change is kept. */
  readonly mtimeMs: number | null;
  readonly hasVehicle: boolean;
}

export interface AdoptedImage {
  readonly image: Image;
  readonly mtimeMs: number;
}

/** The records of all pictures by the paths of their files, for the commands that compare the two. */
@Injectable()
export class ImageCatalogRepository {
  constructor(@InjectModel(ImageRecord.name) private readonly images: Model<ImageRecord>) {}

  async findByPaths(paths: readonly string[]): Promise<ReadonlyMap<string, CatalogEntry>> {
    const found = await this.images.find({ path: { $in: [...paths] } }).lean();
    return new Map(found.map((record) => [record.path, toEntry(record)]));
  }

  /** In the order of paths, after the given one; those whose file is being deleted are left out. */
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

  /** Durable when it resolves; what is known already is left as it is. @returns how many are new */
  async adopt(images: readonly AdoptedImage[]): Promise<number> {
    if (images.length === 0) return 0;
    const records = images.map(({ image, mtimeMs }) => ({ ...toRecord(image), mtimeMs }));
    const known = await insertOrFindDuplicates(this.images, records);
    return images.length - known.size;
  }

  async assignVehicle(path: string, vehicleId: string): Promise<void> {
    await this.images.updateOne({ path }, { $set: { vehicleId: new Types.ObjectId(vehicleId) } });
  }
}

function toEntry({ path, sizeBytes, sha256, mtimeMs, vehicleId }: ImageRecord): CatalogEntry {
  return { path, sizeBytes, sha256, mtimeMs: mtimeMs ?? null, hasVehicle: vehicleId !== undefined };
}

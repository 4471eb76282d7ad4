import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { collectionOf, duplicateKeyField } from '../../database/index.js';
import type { Image } from '../image.js';
import { UPLOADS_DIRECTORY } from '../volume/volume-layout.js';

/** Number and size of images. */
export interface Amount {
  readonly count: number;
  readonly bytes: number;
  /** Of the uploads over the API among them. */
  readonly uploadBytes: number;
  /** Of the adopted images among them. */
  readonly adoptedBytes: number;
}

export const NOTHING: Amount = { count: 0, bytes: 0, uploadBytes: 0, adoptedBytes: 0 };

/** The images of one vehicle whose id has a time of one day. */
export interface DayTotal extends Amount {
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  /** Changed since it was counted. */
  readonly isStale: boolean;
  /** When the records were counted; null: never. */
  readonly countedAt: Date | null;
}

export interface DayKey {
  /** NO_VEHICLE for images without one. */
  readonly vehicleId: string;
  readonly day: string;
}

export const NO_VEHICLE = 'none';

interface TotalDocument {
  /** `<vehicle>:<day>`; of the document that records a count of all days of a vehicle: `<vehicle>`. */
  readonly _id: string;
  readonly count?: number;
  readonly bytes?: number;
  readonly uploadBytes?: number;
  readonly adoptedBytes?: number;
  readonly isStale?: boolean;
  readonly countedAt?: Date;
}

/**
 * `image_totals`: one document for each vehicle and day. All instances change it with `$inc`, and `ImageRecount` repairs it
 * from the records. The collection needs no index, so its first document creates it.
 */
@Injectable()
export class ImageTotalsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** Adds amounts, which may be negative. */
  async add(changes: readonly (DayKey & Amount)[]): Promise<void> {
    if (changes.length === 0) return;
    await this.totals.bulkWrite(
      changes.map(({ vehicleId, day, ...amount }) => ({
        updateOne: {
          filter: { _id: idOf({ vehicleId, day }) },
          update: { $inc: amount, $set: { isStale: true } },
          upsert: true,
        },
      })),
      { ordered: false },
    );
  }

  /** Has days counted again: their records are about to change. */
  async markStale(days: readonly DayKey[]): Promise<void> {
    const distinct = new Map(days.map((each) => [idOf(each), each]));
    await this.add([...distinct.values()].map((key) => ({ ...key, ...NOTHING })));
  }

  /** All images of a vehicle. */
  async sumOf(vehicleId: string): Promise<Amount> {
    return sumOf(await this.daysOf(vehicleId));
  }

  /** All images of all vehicles, and those of no vehicle. */
  async sumOfAll(): Promise<Amount> {
    let sum = NOTHING;
    for await (const each of this.totals.find()) sum = plus(sum, amountIn(each));
    return sum;
  }

  /** Oldest first. */
  async daysOf(vehicleId: string): Promise<readonly DayTotal[]> {
    // `;` is the character after `:`.
    const range = { _id: { $gt: `${vehicleId}:`, $lt: `${vehicleId};` } };
    const found = await this.totals.find(range).sort({ _id: 1 }).toArray();
    return found.map((each) => ({
      day: each._id.slice(vehicleId.length + 1),
      ...amountIn(each),
      isStale: each.isStale === true,
      countedAt: each.countedAt ?? null,
    }));
  }

  /**
   * Replaces a total by a count of the records, unless it has changed since it was read.
   * @param seen null: there was none
   * @returns false when it has changed
   */
  async replace(
    key: DayKey,
    seen: Pick<Amount, 'count' | 'bytes'> | null,
    counted: Amount,
    countedAt: Date,
  ): Promise<boolean> {
    const _id = idOf(key);
    const { count } = counted;
    if (!seen) {
      if (count === 0) return true;
      try {
        await this.totals.insertOne({ _id, ...counted, countedAt });
        return true;
      } catch (error) {
        if (duplicateKeyField(error) === '_id') return false;
        throw error;
      }
    }
    const asSeen = { _id, count: seen.count, bytes: seen.bytes };
    if (count === 0) return (await this.totals.deleteOne(asSeen)).deletedCount === 1;
    const change = { $set: { ...counted, countedAt }, $unset: { isStale: '' } } as const;
    return (await this.totals.updateOne(asSeen, change)).matchedCount === 1;
  }

  /** When all days of a vehicle were last counted; null: never. */
  async findAllCountedAt(vehicleId: string): Promise<Date | null> {
    return (await this.totals.findOne({ _id: vehicleId }))?.countedAt ?? null;
  }

  async setAllCountedAt(vehicleId: string, countedAt: Date): Promise<void> {
    await this.totals.updateOne({ _id: vehicleId }, { $set: { countedAt } }, { upsert: true });
  }

  private get totals(): mongo.Collection<TotalDocument> {
    return collectionOf<TotalDocument>(this.connection, 'image_totals');
  }
}

const idOf = ({ vehicleId, day }: DayKey): string => `${vehicleId}:${day}`;

function amountIn({ count = 0, bytes = 0, uploadBytes = 0, adoptedBytes = 0 }: TotalDocument): Amount {
  return { count, bytes, uploadBytes, adoptedBytes };
}

export function sumOf(amounts: readonly Amount[]): Amount {
  return amounts.reduce(plus, NOTHING);
}

export function plus(one: Amount, other: Amount): Amount {
  return {
    count: one.count + other.count,
    bytes: one.bytes + other.bytes,
    uploadBytes: one.uploadBytes + other.uploadBytes,
    adoptedBytes: one.adoptedBytes + other.adoptedBytes,
  };
}

/** One image. @param path below the volume */
export function amountOf({ path, origin, sizeBytes }: Pick<Image, 'path' | 'origin' | 'sizeBytes'>): Amount {
  const uploadBytes = path.startsWith(`${UPLOADS_DIRECTORY}/`) ? sizeBytes : 0;
  return { count: 1, bytes: sizeBytes, uploadBytes, adoptedBytes: origin === 'adopted' ? sizeBytes : 0 };
}

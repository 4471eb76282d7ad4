import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import type { LegacyPostKind } from '../legacy-metrics.js';

/** A record that arrived while the old server wrote the shared collections, and that the old server has not got. */
export interface OwedItem {
  readonly kind: LegacyPostKind;
  /** Of a crash its id; of a position its time, of a picture request its time of arrival, epoch milliseconds. */
  readonly recordId: string;
  readonly vehicleId: string;
  /** Time of arrival. */
  readonly at: Date;
  /** Why the old server has not got it, for operators. */
  readonly reason: string;
}

type OwedDocument = OwedItem & { readonly _id: string };

/**
 * `legacy_owed`: what this service must write into the shared collections when it has the role again, although it arrived
 * before. The `_id` sorts by kind, then by arrival. The collection needs no further index, so its first document creates it.
 */
@Injectable()
export class OwedRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** Durable when it resolves. An item that is added again is owed once. @throws storage's errors */
  async add(item: OwedItem): Promise<void> {
    await this.items.updateOne({ _id: idOf(item) }, { $setOnInsert: item }, { upsert: true });
  }

  /** Those that are written, or that the old server has got after all. */
  async remove(items: readonly OwedItem[]): Promise<void> {
    if (items.length > 0) await this.items.deleteMany({ _id: { $in: items.map(idOf) } });
  }

  /** The oldest of a kind by arrival. @param after the last one of the page before */
  async list(kind: LegacyPostKind, after: OwedItem | null, limit: number): Promise<OwedItem[]> {
    const $gt = after ? idOf(after) : `${kind}:`;
    const found = await this.items
      .find({ _id: { $gt, $lt: `${kind};` } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return found.map(({ _id, ...item }) => item);
  }

  private get items(): mongo.Collection<OwedDocument> {
    return collectionOf<OwedDocument>(this.connection, 'legacy_owed');
  }
}

function idOf({ kind, at, vehicleId, recordId }: OwedItem): string {
  return `${kind}:${String(at.getTime()).padStart(15, '0')}:${vehicleId}:${recordId}`;
}

import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';

/** What the instances know of the backups, also those that cannot read their directory. */
export interface BackupRecord {
  readonly set: string;
  readonly madeAt: Date;
  readonly bytes: number;
  readonly documents: number;
  readonly verifiedAt: Date | null;
  readonly verifyFaults: number | null;
  readonly rehearsedAt: Date | null;
  /** Null: the rehearsal was good, or there was none. */
  readonly rehearsalFault: string | null;
}

type BackupDocument = Omit<BackupRecord, 'set'> & { readonly _id: string };

/** `backups`: one document for each set. */
@Injectable()
export class BackupRecordsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** Makes or changes the record of a set. */
  async save({ set, ...record }: BackupRecord): Promise<void> {
    await this.records.updateOne({ _id: set }, { $set: record }, { upsert: true });
  }

  async remove(set: string): Promise<void> {
    await this.records.deleteOne({ _id: set });
  }

  /** The newest first. */
  async newest(limit: number): Promise<BackupRecord[]> {
    const found = await this.records.find({}).sort({ _id: -1 }).limit(limit).toArray();
    return found.map(({ _id, ...record }) => ({ set: _id, ...record }));
  }

  private get records(): mongo.Collection<BackupDocument> {
    return collectionOf<BackupDocument>(this.connection, 'backups');
  }
}

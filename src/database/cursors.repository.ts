import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { collectionOf } from './collection-of.js';
import { duplicateKeyField } from './storage-errors.js';

interface CursorDocument {
  readonly _id: string;
  readonly at: Date;
}

/**
 * `legacy_cursors`: one document for each reader of stored items, with the time up to which it has read everything. All
 * instances share it. The collection needs no index, so its first document creates it.
 */
@Injectable()
export class CursorsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** The stored time of the cursor. A cursor that does not exist is created with `at`. */
  async getOrCreate(name: string, at: Date): Promise<Date> {
    try {
      await this.cursors.insertOne({ _id: name, at });
      return at;
    } catch (error) {
      if (duplicateKeyField(error) !== '_id') throw error;
      return (await this.cursors.findOne({ _id: name }))?.at ?? at;
    }
  }

  /** Moves the cursor forward. An earlier time changes nothing. */
  async advance(name: string, at: Date): Promise<void> {
    await this.cursors.updateOne({ _id: name, at: { $lt: at } }, { $set: { at } });
  }

  private get cursors(): mongo.Collection<CursorDocument> {
    return collectionOf<CursorDocument>(this.connection, 'legacy_cursors');
  }
}

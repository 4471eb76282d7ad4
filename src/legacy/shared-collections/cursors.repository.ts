import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { collectionOf, duplicateKeyField } from '../../database/index.js';

interface CursorDocument {
  readonly _id: string;
  readonly at: Date;
}

/**
 * `legacy_cursors`: up to which moment everything that was stored has also been written into the old collections, by
 * whichever instance. Ours, and made by its first document: it has no index that a schema step would have to make.
 */
@Injectable()
export class CursorsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** The moment that stands: this one, if there was none. */
  async getOrCreate(name: string, at: Date): Promise<Date> {
    try {
      await this.cursors.insertOne({ _id: name, at });
      return at;
    } catch (error) {
      if (duplicateKeyField(error) !== '_id') throw error;
      return (await this.cursors.findOne({ _id: name }))?.at ?? at;
    }
  }

  /** Never backwards. */
  async advance(name: string, at: Date): Promise<void> {
    await this.cursors.updateOne({ _id: name, at: { $lt: at } }, { $set: { at } });
  }

  private get cursors(): mongo.Collection<CursorDocument> {
    return collectionOf<CursorDocument>(this.connection, 'legacy_cursors');
  }
}

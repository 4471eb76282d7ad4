import type { Connection, mongo } from 'mongoose';
import { collectionOf } from './collection-of.js';
import { duplicateKeyField } from './storage-errors.js';

const ID = 'deployment';

interface DeploymentDocument {
  readonly _id: string;
  readonly id: string;
}

/** `deployment`: one document, written once. */
export class DeploymentIdRepository {
  constructor(private readonly connection: Connection) {}

  async find(): Promise<string | null> {
    return (await this.collection.findOne({ _id: ID }))?.id ?? null;
  }

  /** The id that stands from now on: this one, unless there is one already. */
  async keep(id: string): Promise<string> {
    try {
      await this.collection.insertOne({ _id: ID, id });
      return id;
    } catch (error) {
      if (duplicateKeyField(error) !== '_id') throw error;
      return (await this.find()) ?? id;
    }
  }

  private get collection(): mongo.Collection<DeploymentDocument> {
    return collectionOf<DeploymentDocument>(this.connection, 'deployment');
  }
}

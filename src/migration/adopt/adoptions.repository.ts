import { type Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import type { Adoptions } from './adopt-plan.js';
import type { AdoptedVehicle } from './old-ambulance.js';

interface AdoptionDocument {
  readonly _id: mongo.ObjectId;
  readonly vehicle: AdoptedVehicle;
}

/**
 * `legacy_adoptions`: what was made of each ambulance the last time, to tell what other programs have changed since from
 * what was changed here. Ours, and made by its first document: it has no index that a schema step would have to make.
 */
export class AdoptionsRepository {
  constructor(private readonly connection: Connection) {}

  async list(): Promise<Adoptions> {
    const found = await this.adoptions.find().toArray();
    return new Map(found.map(({ _id, vehicle }) => [_id.toHexString(), vehicle]));
  }

  async keep(id: string, vehicle: AdoptedVehicle): Promise<void> {
    await this.adoptions.updateOne({ _id: new mongo.ObjectId(id) }, { $set: { vehicle } }, { upsert: true });
  }

  private get adoptions(): mongo.Collection<AdoptionDocument> {
    return collectionOf<AdoptionDocument>(this.connection, 'legacy_adoptions');
  }
}

import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import type { Adoptions } from './adopt-plan.js';
import type { AdoptedVehicle } from './old-ambulance.js';

interface AdoptionDocument {
  readonly _id: mongo.ObjectId;
  readonly vehicle: AdoptedVehicle;
}

/**
 * `legacy_adoptions`: each ambulance as it was at its last adoption. The difference to the ambulance now is what other
 * programs have changed. The first write creates the collection; it has no index and so needs no schema step.
 */
@Injectable()
export class AdoptionsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

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

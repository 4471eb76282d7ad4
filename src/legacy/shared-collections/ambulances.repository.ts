import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';

interface AmbulanceDocument {
  readonly _id: mongo.ObjectId;
  readonly ambulance_box_code?: unknown;
}

/** `ambulances`. Other programs own the collection; it is only read here. */
@Injectable()
export class AmbulancesRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** Ambulance id → box code; null: the ambulance has none. */
  async findBoxCodes(): Promise<ReadonlyMap<string, string | null>> {
    const ambulances = collectionOf<AmbulanceDocument>(this.connection, 'ambulances');
    const found = new Map<string, string | null>();
    for await (const { _id, ambulance_box_code: code } of ambulances.find(
      {},
      { projection: { ambulance_box_code: 1 } },
    )) {
      const isCode = typeof code === 'string' || typeof code === 'number';
      found.set(String(_id), isCode ? String(code) : null);
    }
    return found;
  }
}

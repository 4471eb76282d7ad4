import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';

interface AmbulanceDocument {
  readonly _id: mongo.ObjectId;
  readonly ambulance_box_code?: unknown;
  readonly isdeleted?: unknown;
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

  /** Whether the operators' API has this ambulance: neither removed nor marked as deleted. @throws storage's errors */
  async exists(id: string): Promise<boolean> {
    // The operators' API searches for ObjectIds only.
    if (!/^[0-9a-f]{24}$/.test(id)) return false;
    const ambulances = collectionOf<AmbulanceDocument>(this.connection, 'ambulances');
    const projection = { isdeleted: 1 };
    const found = await ambulances.findOne({ _id: new mongo.ObjectId(id) }, { projection });
    return found !== null && found.isdeleted !== true;
  }
}

import type { Connection, Model } from 'mongoose';
import { VehicleRecord, VehicleSchema } from './vehicle.schema.js';

/** For commands, which have a connection and no application: which vehicle in service has which box code. */
export async function vehicleIdsByBoxCode(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const vehicles = connection.model(VehicleRecord.name, VehicleSchema) as unknown as Model<VehicleRecord>;
  const found = await vehicles
    .find({ boxCodeKey: { $exists: true } })
    .select({ boxCodeKey: 1 })
    .lean();
  return new Map(found.map(({ _id, boxCodeKey }) => [boxCodeKey ?? '', _id.toHexString()]));
}

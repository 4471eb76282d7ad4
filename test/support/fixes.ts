import { getModelToken } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { positionId } from '../../src/tracking/position-id.js';
import type { TestService } from './test-service.js';

/** Writes positions into the database directly, without validation, to get a long history in little time. */
export async function storeFixes(
  { service }: TestService,
  vehicleId: string,
  timesMs: readonly number[],
  receivedAtMs = (timeMs: number): number => timeMs + 200,
): Promise<void> {
  const { collection } = service.app.get<Model<unknown>>(getModelToken('PositionRecord'));
  for (let start = 0; start < timesMs.length; start += 5_000) {
    const documents = timesMs.slice(start, start + 5_000).map((timeMs, index) => ({
      _id: positionId(vehicleId, timeMs),
      vehicleId: new Types.ObjectId(vehicleId),
      time: new Date(timeMs),
      lat: 48 + ((start + index) % 1_000) * 1e-4,
      lon: 11.5,
      speedMps: 12.5,
      receivedAt: new Date(receivedAtMs(timeMs)),
    }));
    await collection.insertMany(documents as never, { ordered: false });
  }
}

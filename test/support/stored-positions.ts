import { createConnection } from 'mongoose';

/** Reads the database directly. @returns vehicle id -> ISO times of its stored positions, ascending */
export async function storedTimes(url: string): Promise<Map<string, string[]>> {
  const connection = await createConnection(url).asPromise();
  try {
    const found = new Map<string, string[]>();
    for await (const record of connection.collection('positions').find().sort({ _id: 1 })) {
      const vehicleId = String(record['vehicleId']);
      const times = found.get(vehicleId) ?? [];
      times.push((record['time'] as Date).toISOString());
      found.set(vehicleId, times);
    }
    return found;
  } finally {
    await connection.close();
  }
}

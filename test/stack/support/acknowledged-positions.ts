import type { SendingDevice } from '../../support/fleet.js';
import type { Stack } from './stack.js';

/** Script that reads the database directly. It runs in the network of the stack, with the driver of the image. */
const READ = `
  import { readFileSync } from 'node:fs';
  import mongoose from 'mongoose';
  const url = readFileSync(process.env.MONGODB_URL_FILE, 'utf8').trim();
  const connection = await mongoose.createConnection(url).asPromise();
  const found = {};
  for await (const { vehicleId, time } of connection.collection('positions').find()) {
    (found[String(vehicleId)] ??= []).push(time.getTime());
  }
  process.stdout.write(JSON.stringify(found));
  await connection.close();
`;

/** Epoch milliseconds of every stored fix, by vehicle. */
export async function readStored(stack: Stack): Promise<Map<string, number[]>> {
  const args = ['run', '--rm', '--no-deps', 'schema', 'node', '--input-type=module', '-e', READ];
  const text = await stack.mustCompose(args);
  return new Map(Object.entries(JSON.parse(text.slice(text.indexOf('{"'))) as Record<string, number[]>));
}

/** Compares acknowledged and stored positions. `lost`: not stored, as `vehicleId time`; `duplicated`: ids of vehicles. */
export async function compareAcknowledged(
  stack: Stack,
  devices: readonly SendingDevice[],
): Promise<{ lost: string[]; duplicated: string[]; acknowledged: number }> {
  const stored = await readStored(stack);
  const lost: string[] = [];
  const duplicated: string[] = [];
  let acknowledged = 0;
  for (const { vehicle, acknowledged: answers } of devices) {
    const times = stored.get(vehicle.vehicleId) ?? [];
    const once = new Set(times);
    if (once.size !== times.length) duplicated.push(vehicle.vehicleId);
    for (const time of answers.keys()) {
      acknowledged += 1;
      if (!once.has(Date.parse(time))) lost.push(`${vehicle.vehicleId} ${time}`);
    }
  }
  return { lost, duplicated, acknowledged };
}

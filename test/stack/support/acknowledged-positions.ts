import type { SendingDevice } from '../../support/fleet.js';
import type { Stack } from './stack.js';

/** Script that reads the database directly. It runs in the network of the stack, with the driver of the image. */
export const READ_STORED = `
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
  const args = ['run', '--rm', '--no-deps', 'schema', 'node', '--input-type=module', '-e', READ_STORED];
  return parseStored(await stack.mustCompose(args));
}

/** @param text output of `READ_STORED` */
export function parseStored(text: string): Map<string, number[]> {
  return new Map(Object.entries(JSON.parse(text.slice(text.indexOf('{"'))) as Record<string, number[]>));
}

interface Comparison {
  /** Acknowledged and not stored, as `vehicleId time`. */
  readonly lost: string[];
  /** Ids of vehicles with a time that is stored twice. */
  readonly duplicated: string[];
  readonly acknowledged: number;
}

/** Compares acknowledged and stored positions. */
export async function compareAcknowledged(
  stack: Stack,
  devices: readonly SendingDevice[],
): Promise<Comparison> {
  return compareStored(await readStored(stack), devices);
}

export function compareStored(
  stored: ReadonlyMap<string, readonly number[]>,
  devices: readonly SendingDevice[],
): Comparison {
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

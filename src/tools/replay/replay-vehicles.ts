import pLimit from 'p-limit';
import type { ApiClient } from '../client/index.js';
import { registrationFor } from './call-signs.js';
import type { Drive } from './plan.js';

export interface ReplayVehicle {
  readonly drive: Drive;
  readonly vehicleId: string;
  readonly credentialId: string;
  readonly token: string;
  /** Created by this run, so it has no positions of an earlier run. */
  readonly isNew: boolean;
}

/** Enough to hide the round trips, and a small load for the service. */
const MAX_CONCURRENT_REQUESTS = 8;

/**
 * Creates or finds the vehicles and creates a device credential for each of them.
 * @param units gets each vehicle when it is ready, so that the caller can revoke the credentials after a failure
 */
export async function registerVehicles(
  api: ApiClient,
  drives: readonly Drive[],
  units: ReplayVehicle[],
  signal: AbortSignal,
): Promise<void> {
  await eachOf(drives, async (drive) => {
    if (signal.aborted) return;
    const found = drive.isReused ? await api.findVehicle(drive.callSign) : null;
    const { callSign } = drive;
    const registration = registrationFor(callSign);
    const vehicle = found ?? (await api.createVehicle({ callSign, registration, type: 'als' }));
    const { id, token } = await api.createCredential(vehicle.id, 'replay');
    const unit = { drive, vehicleId: vehicle.id, credentialId: id, token, isNew: found === null };
    units.push(unit);
  });
  const order = new Map(drives.map((drive, index) => [drive.callSign, index]));
  units.sort((a, b) => (order.get(a.drive.callSign) ?? 0) - (order.get(b.drive.callSign) ?? 0));
}

/**
 * Revokes the credentials of the run; otherwise each run would leave unused ones.
 * @returns the number of credentials that could not be revoked
 */
export async function revokeCredentials(api: ApiClient, units: readonly ReplayVehicle[]): Promise<number> {
  let failures = 0;
  await eachOf(units, async (unit) => {
    await api.revokeCredential(unit.vehicleId, unit.credentialId).catch(() => (failures += 1));
  });
  return failures;
}

/** Throws the first failure, but only after all running work has ended. No work starts after a failure. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const limit = pLimit(MAX_CONCURRENT_REQUESTS);
  const failures: unknown[] = [];
  await limit.map(items, async (item) => {
    if (failures.length > 0) return;
    await work(item).catch((error: unknown) => failures.push(error));
  });
  if (failures.length > 0) throw failures[0];
}

import pLimit from 'p-limit';
import { ApiError, type ApiClient, type VehicleAnswer } from '../client/index.js';
import { registrationFor, REPLAY_MARK } from './call-signs.js';
import type { Drive } from './plan.js';
import { type Allocation, allocateVehicles, isReplayVehicle } from './vehicle-allocation.js';

export interface ReplayVehicle {
  readonly drive: Drive;
  readonly callSign: string;
  readonly vehicleId: string;
  readonly credentialId: string;
  readonly token: string;
  /** Created by this run, so it has no positions of an earlier run. */
  readonly isNew: boolean;
}

/** Enough to hide the round trips, and a small load for the service. */
const MAX_CONCURRENT_REQUESTS = 8;

/**
 * Creates or finds the vehicles, creates a device credential for each of them and sets them available.
 * @param units gets each vehicle when it is ready, so that the caller can release it after a failure
 */
export async function registerVehicles(
  api: ApiClient,
  drives: readonly Drive[],
  units: ReplayVehicle[],
  signal: AbortSignal,
): Promise<void> {
  const known = await knownVehicles(api, drives);
  await eachOf(allocateVehicles(drives, known, Date.now()), async (allocation) => {
    if (signal.aborted) return;
    const { drive, callSign, existing, isReplaced } = allocation;
    const isNew = existing === null || isReplaced;
    const vehicle = await vehicleFor(api, allocation);
    const { id, token } = await api.createCredential(vehicle.id, 'replay');
    units.push({ drive, callSign, vehicleId: vehicle.id, credentialId: id, token, isNew });
    await api.setStatus(vehicle.id, 'available');
  });
  const order = new Map(drives.map((drive, index) => [drive, index]));
  units.sort((a, b) => (order.get(a.drive) ?? 0) - (order.get(b.drive) ?? 0));
}

/** All vehicles that have a call sign which a drive can use. */
async function knownVehicles(api: ApiClient, drives: readonly Drive[]): Promise<VehicleAnswer[]> {
  const known: VehicleAnswer[] = [];
  const prefixes = drives.flatMap(({ callSign, prefix }) => (callSign === null ? [`${prefix}-`] : []));
  for (const prefix of new Set(prefixes))
    for await (const vehicle of api.vehicles(prefix)) known.push(vehicle);
  await eachOf(drives, async ({ callSign }) => {
    const vehicle = callSign === null ? null : await api.findVehicle(callSign);
    if (vehicle) known.push(vehicle);
  });
  return known;
}

/** A new vehicle is out of service until it is ready, so that an interrupted run leaves none available. */
async function vehicleFor(
  api: ApiClient,
  { callSign, existing, isReplaced }: Allocation,
): Promise<VehicleAnswer> {
  if (existing && !isReplaced) return existing;
  if (existing) await api.archiveVehicle(existing.id);
  const registration = registrationFor(callSign);
  return api.createVehicle({ callSign, registration, type: 'als', status: 'out_of_service' });
}

/**
 * Sets the vehicles out of service, so that no dispatcher is offered one, and revokes the credentials of the run.
 * @returns the number of requests that failed
 */
export async function releaseVehicles(api: ApiClient, units: readonly ReplayVehicle[]): Promise<number> {
  let failures = 0;
  const countFailure = (): void => void (failures += 1);
  await eachOf(units, async (unit) => {
    await api.setStatus(unit.vehicleId, 'out_of_service').catch(countFailure);
    await api.revokeCredential(unit.vehicleId, unit.credentialId).catch(countFailure);
  });
  return failures;
}

/** Archives every vehicle that `replay` made. @returns how many */
export async function removeReplayVehicles(api: ApiClient): Promise<number> {
  const made: VehicleAnswer[] = [];
  for await (const vehicle of api.vehicles(REPLAY_MARK)) if (isReplayVehicle(vehicle)) made.push(vehicle);
  await eachOf(made, async ({ id }) => {
    await api.archiveVehicle(id).catch((error: unknown) => {
      // Another `--clean` was faster.
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    });
  });
  return made.length;
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

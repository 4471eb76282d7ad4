/** The vehicles of a run and their tokens, which live as long as the run. */
import type { ApiClient } from '../client/index.js';
import { registrationFor } from './call-signs.js';
import type { Drive } from './plan.js';

export interface ReplayVehicle {
  readonly drive: Drive;
  readonly vehicleId: string;
  readonly credentialId: string;
  readonly token: string;
  /** Nothing of an earlier run is stored for it. */
  readonly isNew: boolean;
}

/** Enough to hide the round trips, too few to be a load. */
const MAX_CONCURRENT_REQUESTS = 8;

/**
 * Makes (or finds) the vehicles and gives each a token.
 * @param units filled as they come: what was made before a failure can still be taken back
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
 * Revokes the run's tokens: nobody else can know them, and each run would leave more behind.
 * @returns how many could not be revoked
 */
export async function revokeCredentials(api: ApiClient, units: readonly ReplayVehicle[]): Promise<number> {
  let failures = 0;
  await eachOf(units, async (unit) => {
    await api.revokeCredential(unit.vehicleId, unit.credentialId).catch(() => (failures += 1));
  });
  return failures;
}

/** The first failure is thrown after what had begun has ended: nothing goes on behind the caller's back. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined && failure === undefined; item = queue.shift())
      await work(item).catch((error: unknown) => (failure ??= { error }));
  };
  await Promise.all(Array.from({ length: MAX_CONCURRENT_REQUESTS }, worker));
  if (failure !== undefined) throw failure.error;
}

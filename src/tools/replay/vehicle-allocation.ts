import { UsageError } from '../../core/commands/index.js';
import { distanceM, type PositionInput } from '../../core/index.js';
import type { VehicleAnswer } from '../client/index.js';
import { registrationFor } from './call-signs.js';
import type { Drive } from './plan.js';

/** The vehicle that a drive uses. */
export interface Allocation {
  readonly drive: Drive;
  readonly callSign: string;
  /** A vehicle of an earlier run with this call sign; null when there is none. */
  readonly existing: VehicleAnswer | null;
  /** The existing vehicle cannot continue with this drive: it is archived, and a new one gets its names. */
  readonly isReplaced: boolean;
}

/** Slower than every limit of the service that is plausible for `POSITION_MAX_SPEED_MPS`. */
const MAX_SPEED_MPS = 50;

/** The registration is the mark: it is derived from the call sign, and no licence plate looks like it. */
export function isReplayVehicle({ callSign, registration }: VehicleAnswer): boolean {
  return registration === registrationFor(callSign);
}

/**
 * Gives every drive a vehicle. A vehicle of an earlier run is free when it is out of service; the others belong to a run
 * that is not over. A vehicle that `replay` did not make is never used.
 * @param known all vehicles whose call signs can be used
 * @param startMs the start of the run, epoch milliseconds
 * @throws UsageError when a vehicle that `replay` did not make has the call sign of a recording
 */
export function allocateVehicles(
  drives: readonly Drive[],
  known: readonly VehicleAnswer[],
  startMs: number,
): Allocation[] {
  const byCallSign = new Map(known.map((vehicle) => [vehicle.callSign.toUpperCase(), vehicle]));
  const lastNumbers = new Map<string, number>();
  return drives.map((drive): Allocation => {
    if (drive.callSign !== null) {
      const existing = byCallSign.get(drive.callSign) ?? null;
      if (existing && !isReplayVehicle(existing))
        throw new UsageError(`${drive.callSign} is a vehicle that replay did not make: rename the file`);
      return { drive, callSign: drive.callSign, existing, isReplaced: false };
    }
    for (let number = (lastNumbers.get(drive.prefix) ?? 0) + 1; ; number += 1) {
      const callSign = `${drive.prefix}-${number}`;
      const existing = byCallSign.get(callSign) ?? null;
      if (existing && !(isReplayVehicle(existing) && existing.status === 'out_of_service')) continue;
      lastNumbers.set(drive.prefix, number);
      const isReplaced = existing !== null && !canContinue(existing, firstFixOf(drive, startMs));
      return { drive, callSign, existing, isReplaced };
    }
  });
}

function firstFixOf(drive: Drive, startMs: number): PositionInput | undefined {
  for (const { position } of drive.fixes(startMs)) return position;
  return undefined;
}

/** False when the new fixes would mix with those of the earlier run, or would be quarantined as a jump. */
function canContinue({ lastPosition }: VehicleAnswer, first: PositionInput | undefined): boolean {
  if (!lastPosition || !first) return true;
  const elapsedS = (Date.parse(first.time) - Date.parse(lastPosition.time)) / 1_000;
  return elapsedS > 0 && distanceM(lastPosition, first) / elapsedS <= MAX_SPEED_MPS;
}

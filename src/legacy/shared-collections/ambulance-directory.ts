import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { VehiclesService } from '../../vehicles/index.js';
import { AmbulancesRepository } from './ambulances.repository.js';

/** Delay until an adopted or changed vehicle is visible. Both are rare. */
const CACHE_TTL_MS = 10_000;

/**
 * Maps vehicles to ambulance ids of the old system: the ambulance's id for an adopted vehicle and for a vehicle whose box
 * code an ambulance has; the vehicle's own id for a box code that no ambulance has. A vehicle without a box code that was
 * not adopted has no ambulance id, because documents of an unknown ambulance break programs that look it up.
 */
@Injectable()
export class AmbulanceDirectory {
  private readonly known = new Map<string, string | null>();
  private knownSinceMs = -Infinity;

  constructor(
    private readonly ambulances: AmbulancesRepository,
    private readonly vehicles: VehiclesService,
    private readonly clock: Clock,
  ) {}

  /** Vehicle id → ambulance id. Vehicles without an ambulance id are left out. @throws storage's errors */
  async resolve(vehicleIds: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const wanted = new Set(vehicleIds);
    const nowMs = this.clock.nowMs();
    if (nowMs - this.knownSinceMs >= CACHE_TTL_MS || nowMs < this.knownSinceMs) {
      this.known.clear();
      this.knownSinceMs = nowMs;
    }
    const unknown = [...wanted].filter((id) => !this.known.has(id));
    if (unknown.length > 0) await this.load(unknown);
    return new Map([...wanted].flatMap((id) => entryOf(id, this.known.get(id) ?? null)));
  }

  private async load(vehicleIds: readonly string[]): Promise<void> {
    const [ambulances, boxCodes] = await Promise.all([
      this.ambulances.findBoxCodes(),
      this.vehicles.boxCodes(vehicleIds),
    ]);
    const byCode = new Map([...ambulances].map(([id, code]) => [code, id]));
    for (const id of vehicleIds) {
      const code = boxCodes.get(id) ?? null;
      const ambulanceId = ambulances.has(id) ? id : code === null ? null : (byCode.get(code) ?? id);
      this.known.set(id, ambulanceId);
    }
  }
}

function entryOf(vehicleId: string, ambulanceId: string | null): [string, string][] {
  return ambulanceId === null ? [] : [[vehicleId, ambulanceId]];
}

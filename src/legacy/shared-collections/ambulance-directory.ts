import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { VehiclesService } from '../../vehicles/index.js';
import { AmbulancesRepository } from './ambulances.repository.js';

/** Adopting and renaming are rare, and nobody minds that the old panels see them so much later. */
const CACHE_TTL_MS = 10_000;

/**
 * By which id the other programs know a vehicle: their own for one that was adopted, or whose box code one of their
 * ambulances has; its own for one with a box code that they do not know. A vehicle without either is none of theirs: a
 * document of an ambulance that is not there breaks programs that look it up.
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

  /** Those of them that the other programs know, by vehicle. */
  async resolve(vehicleIds: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const wanted = new Set(vehicleIds);
    const nowMs = this.clock.nowMs();
    if (nowMs - this.knownSinceMs >= CACHE_TTL_MS || nowMs < this.knownSinceMs) {
      this.known.clear();
      this.knownSinceMs = nowMs;
    }
    const unknown = [...wanted].filter((id) => !this.known.has(id));
    if (unknown.length > 0) await this.look(unknown);
    return new Map([...wanted].flatMap((id) => entryOf(id, this.known.get(id) ?? null)));
  }

  private async look(vehicleIds: readonly string[]): Promise<void> {
    const [ambulances, boxCodes] = await Promise.all([
      this.ambulances.findBoxCodes(),
      this.vehicles.boxCodes(vehicleIds),
    ]);
    const byCode = new Map([...ambulances].map(([id, code]) => [code, id]));
    for (const id of vehicleIds) {
      const code = boxCodes.get(id) ?? null;
      const theirs = ambulances.has(id) ? id : code === null ? null : (byCode.get(code) ?? id);
      this.known.set(id, theirs);
    }
  }
}

function entryOf(vehicleId: string, ambulanceId: string | null): [string, string][] {
  return ambulanceId === null ? [] : [[vehicleId, ambulanceId]];
}

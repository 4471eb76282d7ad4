import type { ApiClient, StreamedVehicle } from '../client/index.js';

/** An archived vehicle is never found, so it is not looked up again at each of its fixes. */
const LOOKUP_RETRY_MS = 30_000;

/** Call signs and statuses by vehicle id. */
export class VehicleDirectory {
  private readonly vehicles = new Map<string, StreamedVehicle>();
  private readonly unresolvedIds = new Map<string, number>();

  constructor(
    private readonly api: Pick<ApiClient, 'vehicles'>,
    private readonly nowMs: () => number = Date.now,
  ) {}

  async refresh(): Promise<void> {
    for await (const vehicle of this.api.vehicles()) this.set(vehicle);
  }

  set({ id, callSign, status }: StreamedVehicle): void {
    this.vehicles.set(id, { id, callSign, status });
    this.unresolvedIds.delete(id);
  }

  /** True when a refresh may find the call sign. */
  needsLookup(vehicleId: string): boolean {
    if (this.vehicles.has(vehicleId)) return false;
    const lookedUpAtMs = this.unresolvedIds.get(vehicleId);
    return lookedUpAtMs === undefined || this.nowMs() - lookedUpAtMs > LOOKUP_RETRY_MS;
  }

  /** Call it after each refresh with the ids that it was made for. */
  markLookedUp(vehicleIds: Iterable<string>): void {
    for (const id of vehicleIds) if (!this.vehicles.has(id)) this.unresolvedIds.set(id, this.nowMs());
  }

  /** The call sign of an unknown vehicle is its id. */
  get(vehicleId: string): StreamedVehicle {
    return this.vehicles.get(vehicleId) ?? { id: vehicleId, callSign: vehicleId, status: '' };
  }
}

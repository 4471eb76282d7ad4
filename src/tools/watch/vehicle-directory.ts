/** Whose id is whose: call signs and statuses, asked for once and again when somebody new turns up. */
import type { ApiClient, StreamedVehicle } from '../client/index.js';

/** Of an archived vehicle nobody will ever tell the name: no use in asking at each of its fixes. */
const LOOKUP_RETRY_MS = 30_000;

export class VehicleDirectory {
  private readonly vehicles = new Map<string, StreamedVehicle>();
  private readonly unresolvedIds = new Map<string, number>();

  constructor(
    private readonly api: Pick<ApiClient, 'vehicles'>,
    private readonly nowMs: () => number = Date.now,
  ) {}

  async refresh(): Promise<void> {
    for await (const vehicle of this.api.vehicles()) this.put(vehicle);
  }

  put({ id, callSign, status }: StreamedVehicle): void {
    this.vehicles.set(id, { id, callSign, status });
    this.unresolvedIds.delete(id);
  }

  /** Whether a refresh may tell the name. */
  needsLookup(vehicleId: string): boolean {
    if (this.vehicles.has(vehicleId)) return false;
    const askedAtMs = this.unresolvedIds.get(vehicleId);
    return askedAtMs === undefined || this.nowMs() - askedAtMs > LOOKUP_RETRY_MS;
  }

  /** Asked for just now; whether or not the name is known since. */
  asked(vehicleIds: Iterable<string>): void {
    for (const id of vehicleIds) if (!this.vehicles.has(id)) this.unresolvedIds.set(id, this.nowMs());
  }

  /** A vehicle that nobody knows goes by its id. */
  get(vehicleId: string): StreamedVehicle {
    return this.vehicles.get(vehicleId) ?? { id: vehicleId, callSign: vehicleId, status: '' };
  }
}

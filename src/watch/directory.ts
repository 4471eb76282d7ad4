/** Whose id is whose: call signs and statuses, asked for once and again when somebody new turns up. */
import type { ApiClient, StreamedVehicle } from '../client/index.js';

/** Of an archived vehicle nobody will ever tell the name: no use in asking at each of its fixes. */
const ASK_AGAIN_MS = 30_000;

export class Directory {
  private readonly vehicles = new Map<string, StreamedVehicle>();
  private readonly nameless = new Map<string, number>();

  constructor(
    private readonly api: Pick<ApiClient, 'vehicles'>,
    private readonly nowMs: () => number = Date.now,
  ) {}

  async refresh(): Promise<void> {
    for await (const vehicle of this.api.vehicles()) this.put(vehicle);
  }

  put({ id, callSign, status }: StreamedVehicle): void {
    this.vehicles.set(id, { id, callSign, status });
    this.nameless.delete(id);
  }

  /** Whether a refresh may tell the name. */
  isWorthAsking(vehicleId: string): boolean {
    if (this.vehicles.has(vehicleId)) return false;
    const askedAtMs = this.nameless.get(vehicleId);
    return askedAtMs === undefined || this.nowMs() - askedAtMs > ASK_AGAIN_MS;
  }

  /** Asked for just now; whether or not the name is known since. */
  asked(vehicleIds: Iterable<string>): void {
    for (const id of vehicleIds) if (!this.vehicles.has(id)) this.nameless.set(id, this.nowMs());
  }

  /** A vehicle that nobody knows goes by its id. */
  get(vehicleId: string): StreamedVehicle {
    return this.vehicles.get(vehicleId) ?? { id: vehicleId, callSign: vehicleId, status: '' };
  }
}

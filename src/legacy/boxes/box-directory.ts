import { Injectable } from '@nestjs/common';
import { Clock, EventBus } from '../../core/index.js';
import { DatabaseConnection, storageUnavailable } from '../../database/index.js';
import { type VehicleChange, VehiclesService } from '../../vehicles/index.js';

/** Changes by other instances are visible after this time. */
const CACHE_TTL_MS = 10_000;
/** Unknown codes cause at most one read in this time, so that made-up codes do not load the database. */
const MISS_RECHECK_MS = 1_000;

/** Finds the vehicle in service of an old tracking box. Cached in memory, because every report needs it. */
@Injectable()
export class BoxDirectory {
  private boxes: ReadonlyMap<string, string> = new Map();
  private codes: ReadonlyMap<string, string> = new Map();
  private readAtMs = -Infinity;
  private changeCount = 0;
  private reading: Promise<void> | null = null;

  constructor(
    private readonly vehicles: VehiclesService,
    private readonly database: DatabaseConnection,
    private readonly clock: Clock,
    events: EventBus,
  ) {
    events.subscribe('vehicle.changed', (change) => this.onVehicleChange(change));
  }

  /** The id of the vehicle; null when no vehicle in service has this box. @throws storage/unavailable */
  async find(code: string | null): Promise<string | null> {
    // Before the start ends the live markers are not loaded, and ArrivalTimes needs them.
    if (!this.database.hasStarted) throw storageUnavailable();
    // A change during the read makes the result stale; then it is read again.
    while (this.ageMs > CACHE_TTL_MS) await this.read();
    if (code === null) return null;
    const known = this.boxes.get(code);
    if (known !== undefined) return known;
    if (this.ageMs > MISS_RECHECK_MS) await this.read();
    return this.boxes.get(code) ?? null;
  }

  /** Box codes by vehicle id; stale ones during an outage. Never rejects. */
  async codeByVehicle(): Promise<ReadonlyMap<string, string>> {
    if (this.ageMs > CACHE_TTL_MS) await this.read().catch(() => undefined);
    return this.codes;
  }

  /** Ignores changes without a new code: status changes are frequent. During a read every change makes it stale. */
  private onVehicleChange({ vehicle, isArchived }: VehicleChange): void {
    const code = isArchived ? null : vehicle.boxCode;
    if (!this.reading && code === (this.codes.get(vehicle.id) ?? null)) return;
    this.changeCount += 1;
    this.readAtMs = -Infinity;
  }

  private get ageMs(): number {
    return this.clock.nowMs() - this.readAtMs;
  }

  private read(): Promise<void> {
    return (this.reading ??= this.readNow().finally(() => (this.reading = null)));
  }

  private async readNow(): Promise<void> {
    const beganMs = this.clock.nowMs();
    const { changeCount } = this;
    this.boxes = await this.vehicles.boxes();
    this.codes = new Map([...this.boxes].map(([code, vehicleId]) => [vehicleId, code]));
    if (changeCount === this.changeCount) this.readAtMs = beganMs;
  }
}

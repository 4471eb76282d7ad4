import { Injectable } from '@nestjs/common';
import { Clock, EventBus } from '../../core/index.js';
import { DatabaseConnection, storageUnavailable } from '../../database/index.js';
import { type VehicleChange, VehiclesService } from '../../vehicles/index.js';

/** What another instance changed is seen after this time. */
const CACHE_TTL_MS = 10_000;
/** A code that is not there may have come since; whoever makes codes up does not make the database busy by it. */
const MISS_RECHECK_MS = 1_000;

/** Which vehicle in service has which old tracking box. In memory, because every report asks. */
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

  /** A status is no news here, and a busy fleet has many; while a look is under way nobody knows what it has seen. */
  private onVehicleChange({ vehicle, isArchived }: VehicleChange): void {
    const code = isArchived ? null : vehicle.boxCode;
    if (!this.reading && code === (this.codes.get(vehicle.id) ?? null)) return;
    this.changeCount += 1;
    this.readAtMs = -Infinity;
  }

  /** The vehicle's id; null: no vehicle in service has this box. @throws storage/unavailable */
  async find(code: string | null): Promise<string | null> {
    // Before that the board does not know yet what time the newest position has.
    if (!this.database.hasStarted) throw storageUnavailable();
    // Once more where something has changed meanwhile: the one under way may not have seen it.
    while (this.ageMs > CACHE_TTL_MS) await this.read();
    if (code === null) return null;
    const known = this.boxes.get(code);
    if (known !== undefined) return known;
    if (this.ageMs > MISS_RECHECK_MS) await this.read();
    return this.boxes.get(code) ?? null;
  }

  /** The codes by the ids of vehicles; those of before while storage is away. */
  async codeByVehicle(): Promise<ReadonlyMap<string, string>> {
    if (this.ageMs > CACHE_TTL_MS) await this.read().catch(() => undefined);
    return this.codes;
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

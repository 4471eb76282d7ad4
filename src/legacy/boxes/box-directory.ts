import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { Clock, EventBus, withTimeout } from '../../core/index.js';
import { DatabaseConnection, storageUnavailable } from '../../database/index.js';
import { type VehicleChange, VehiclesService } from '../../vehicles/index.js';
import { KnownBoxes } from '../spool/known-boxes.js';

/** Changes by other instances are visible after this time. */
const CACHE_TTL_MS = 10_000;
/** Unknown codes cause at most one read in this time, so that made-up codes do not load the database. */
const MISS_RECHECK_MS = 1_000;
/** A read that takes longer is not waited for: what is in memory counts, and for `OUTAGE_MS` no request waits again. */
const READ_LIMIT_MS = 300;
/** The same for a code that is not in memory: without the read, its request is refused. */
const UNKNOWN_READ_LIMIT_MS = 1_000;
const OUTAGE_MS = 1_000;

/**
 * Finds the vehicle in service of an old tracking box. Cached in memory, because every report needs it. While the database
 * does not answer, the codes that were read last count; the spool keeps them for the next process.
 */
@Injectable()
export class BoxDirectory implements OnModuleInit, OnApplicationBootstrap {
  private boxes: ReadonlyMap<string, string> = new Map();
  private codes: ReadonlyMap<string, string> = new Map();
  private readAtMs = -Infinity;
  private changeCount = 0;
  private reading: Promise<void> | null = null;
  private isStaleUntilMs = -Infinity;

  constructor(
    private readonly vehicles: VehiclesService,
    private readonly database: DatabaseConnection,
    private readonly clock: Clock,
    private readonly knownBoxes: KnownBoxes,
    events: EventBus,
  ) {
    events.subscribe('vehicle.changed', (change) => this.onVehicleChange(change));
  }

  async onModuleInit(): Promise<void> {
    this.setBoxes(await this.knownBoxes.load());
  }

  /** Loads the codes, so that an instance without a request so far has them when an outage begins. */
  onApplicationBootstrap(): void {
    void this.database.whenStarted().then((hasStarted) => {
      if (hasStarted) this.read().catch(() => undefined);
    });
  }

  /**
   * The id of the vehicle; null when no vehicle in service has this box.
   * @throws storage/unavailable when the code is not known and the database does not answer
   */
  async find(code: string | null): Promise<string | null> {
    const isKnown = code !== null && this.boxes.has(code);
    const isFresh = await this.refresh(CACHE_TTL_MS, isKnown ? READ_LIMIT_MS : UNKNOWN_READ_LIMIT_MS);
    if (code === null) return null;
    const known = this.boxes.get(code);
    if (known !== undefined) return known;
    if (!isFresh || !(await this.refresh(MISS_RECHECK_MS, UNKNOWN_READ_LIMIT_MS))) throw storageUnavailable();
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
    const ageMs = this.clock.nowMs() - this.readAtMs;
    // The clock was set back: what was read may be of any age.
    return ageMs < 0 ? Infinity : ageMs;
  }

  /** @returns false when the database does not answer in time: what is in memory can be older than `maxAgeMs` */
  private async refresh(maxAgeMs: number, limitMs: number): Promise<boolean> {
    if (!this.database.hasStarted) return false;
    // A change during the read makes the result stale; then it is read again.
    while (this.ageMs > maxAgeMs) {
      const waitMs = this.isStaleUntilMs - this.clock.nowMs();
      // A longer time comes from a clock that was set back.
      if (waitMs > 0 && waitMs <= OUTAGE_MS) return false;
      try {
        await withTimeout(this.read(), limitMs, storageUnavailable);
      } catch {
        this.isStaleUntilMs = this.clock.nowMs() + OUTAGE_MS;
        return false;
      }
    }
    return true;
  }

  private read(): Promise<void> {
    return (this.reading ??= this.readNow().finally(() => (this.reading = null)));
  }

  private async readNow(): Promise<void> {
    const beganMs = this.clock.nowMs();
    const { changeCount } = this;
    const boxes = await this.vehicles.boxes();
    this.setBoxes(boxes);
    this.isStaleUntilMs = -Infinity;
    void this.knownBoxes.save(boxes);
    if (changeCount === this.changeCount) this.readAtMs = beganMs;
  }

  private setBoxes(boxes: ReadonlyMap<string, string>): void {
    this.boxes = boxes;
    this.codes = new Map([...boxes].map(([code, vehicleId]) => [vehicleId, code]));
  }
}

import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { BackgroundJobs, Clock, EventBus, markerTimeMs } from '../../core/index.js';
import { DatabaseConnection, StartupTasks } from '../../database/index.js';
import { type VehicleChange, VehiclesService } from '../../vehicles/index.js';
import { LatestPositions } from '../live/latest-positions.js';
import { PositionMetrics } from './position-metrics.js';
import type { GroupTrack } from './track-context.js';
import type { KnownFix } from './track-memory.js';

const REFRESH_INTERVAL_MS = 10_000;
/** A standstill is shared again after this part of `POSITION_CLOCK_BEHIND_S`. */
const SHARED_PART = 1 / 20;

/** The reports of a vehicle since its newest fix time stands still. Epoch milliseconds. */
interface Standstill {
  readonly sinceMs: number;
  readonly lastReportMs: number;
  /** The last report that the other instances have got. */
  readonly sharedReportMs: number;
}

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /** Reports of a vehicle since its newest fix time stands still; null: it has advanced. */
    'device-clock.noted': {
      readonly vehicleId: string;
      readonly standstill: Pick<Standstill, 'sinceMs' | 'lastReportMs'> | null;
    };
  }
}

/**
 * Detects vehicles that report while their newest fix time stands still: the clock of the device fell back or stopped.
 * Reports of every verdict count, because the place does not matter. The mark is stored with the vehicle, so it survives
 * restarts, and other instances read it. It ends with the first report of a newer time. A vehicle may report to several
 * instances in turn, so standstills are shared.
 */
@Injectable()
export class DeviceClocks implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger(DeviceClocks.name);
  private readonly standstills = new Map<string, Standstill>();
  /** Changes of marks by this instance: all, and those that are not stored yet. */
  private changes = 0;
  private unstored = 0;
  private readonly behindAfterMs: number;

  constructor(
    @Inject(SETTINGS) settings: Settings,
    private readonly vehicles: VehiclesService,
    private readonly latest: LatestPositions,
    private readonly startupTasks: StartupTasks,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
    private readonly events: EventBus,
    metrics: PositionMetrics,
  ) {
    events.share('device-clock.noted');
    events.subscribe('device-clock.noted', ({ vehicleId, standstill }) => {
      if (standstill === null) this.standstills.delete(vehicleId);
      else if (standstill.lastReportMs >= (this.standstills.get(vehicleId)?.lastReportMs ?? 0))
        this.standstills.set(vehicleId, { ...standstill, sharedReportMs: standstill.lastReportMs });
    });
    events.subscribe('vehicle.changed', (change) => this.onVehicleChanged(change));
    this.behindAfterMs = settings.positions.clockBehindS * 1_000;
    metrics.observeClocks(() => this.latest.clocksBehind.size);
  }

  onModuleInit(): void {
    this.startupTasks.add('load device clocks', () => this.refresh());
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'device-clocks',
      intervalMs: REFRESH_INTERVAL_MS,
      startsAfter: () => this.database.whenStarted(),
      run: () => this.refresh(),
    });
  }

  /** Call it with the validated tracks of a group, before its positions become markers. */
  note(tracks: readonly GroupTrack[]): void {
    if (tracks.length === 0) return;
    const nowMs = this.clock.nowMs();
    for (const { positions, context } of tracks) {
      const last = positions.at(-1);
      const newest = last ? newer(context.newest, this.latest.of(last.vehicleId)) : null;
      if (!last || !newest) continue;
      if (markerTimeMs(last) > markerTimeMs(newest)) this.noteAdvance(last.vehicleId);
      else this.noteStandstill(newest, nowMs);
    }
  }

  private noteAdvance(vehicleId: string): void {
    if (this.standstills.delete(vehicleId))
      this.events.publish('device-clock.noted', { vehicleId, standstill: null });
    if (!this.latest.clocksBehind.has(vehicleId)) return;
    this.logger.log({ vehicleId }, 'device clock advances again');
    this.change(vehicleId, null);
  }

  /**
   * A pause longer than the limit starts the time anew: a device that was offline may first send again what it sent
   * before.
   */
  private noteStandstill(newest: KnownFix, nowMs: number): void {
    const { vehicleId, receivedAtMs } = newest;
    const known = this.standstills.get(vehicleId);
    // Another instance may have received a newer fix since.
    const before = known && known.lastReportMs >= receivedAtMs ? known : undefined;
    const lastReportMs = before?.lastReportMs ?? receivedAtMs;
    const isAfterPause = nowMs - lastReportMs > this.behindAfterMs;
    const sinceMs = isAfterPause ? nowMs : (before?.sinceMs ?? receivedAtMs);
    this.setStandstill(vehicleId, { sinceMs, lastReportMs: nowMs }, before);
    if (nowMs - sinceMs < this.behindAfterMs || this.latest.clocksBehind.has(vehicleId)) return;
    this.logger.warn({ vehicleId, newestTime: new Date(newest.timeMs) }, 'device clock behind');
    this.change(vehicleId, sinceMs);
  }

  private setStandstill(
    vehicleId: string,
    standstill: Pick<Standstill, 'sinceMs' | 'lastReportMs'>,
    before: Standstill | undefined,
  ): void {
    const { sinceMs, lastReportMs } = standstill;
    const isShared =
      before?.sinceMs === sinceMs && lastReportMs - before.sharedReportMs < this.behindAfterMs * SHARED_PART;
    if (isShared) this.standstills.set(vehicleId, { ...before, lastReportMs });
    else this.events.publish('device-clock.noted', { vehicleId, standstill });
  }

  /** Another instance may have changed the mark. */
  private onVehicleChanged({ vehicle, clockBehindSince }: VehicleChange): void {
    const sinceMs = clockBehindSince?.getTime() ?? null;
    if ((this.latest.clocksBehind.get(vehicle.id) ?? null) === sinceMs) return;
    this.changes += 1;
    this.latest.setClockBehind(vehicle.id, sinceMs);
  }

  /** Shows the mark at once and stores it. When that fails, the next report tries again. */
  private change(vehicleId: string, sinceMs: number | null): void {
    const before = this.latest.clocksBehind.get(vehicleId) ?? null;
    this.latest.setClockBehind(vehicleId, sinceMs);
    this.changes += 1;
    this.unstored += 1;
    this.vehicles
      .setClockBehind(vehicleId, sinceMs === null ? null : new Date(sinceMs))
      .catch((error: unknown) => {
        this.latest.setClockBehind(vehicleId, before);
        this.logger.warn({ vehicleId, err: error }, 'mark of a device clock not stored');
      })
      .finally(() => (this.unstored -= 1));
  }

  /** Reads the marks of all instances, unless a change of this instance is newer than what it reads. */
  private async refresh(): Promise<void> {
    const { changes } = this;
    const stored = await this.vehicles.listClocksBehind();
    if (this.unstored > 0 || changes !== this.changes) return;
    for (const vehicleId of this.latest.clocksBehind.keys())
      if (!stored.has(vehicleId)) this.latest.setClockBehind(vehicleId, null);
    for (const [vehicleId, since] of stored) this.latest.setClockBehind(vehicleId, since.getTime());
  }
}

function newer(one: KnownFix | null, other: KnownFix | null): KnownFix | null {
  if (one === null || other === null) return one ?? other;
  return markerTimeMs(other) > markerTimeMs(one) ? other : one;
}

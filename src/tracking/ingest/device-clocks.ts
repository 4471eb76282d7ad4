import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { BackgroundJobs, Clock, markerTimeMs, type Position } from '../../core/index.js';
import { DatabaseConnection, StartupTasks } from '../../database/index.js';
import { VehiclesService } from '../../vehicles/index.js';
import { LatestPositions } from '../live/latest-positions.js';
import { PositionMetrics } from './position-metrics.js';
import type { GroupTrack } from './track-context.js';

const REFRESH_INTERVAL_MS = 10_000;

/** The reports of a vehicle since its newest fix time stands still. Epoch milliseconds. */
interface Standstill {
  readonly sinceMs: number;
  readonly lastReportMs: number;
}

/**
 * Detects vehicles that report while their newest fix time stands still: the clock of the device fell back or stopped.
 * Reports of every verdict count, because the place does not matter. The mark is stored with the vehicle, so it survives
 * restarts, and other instances read it. It ends with the first report of a newer time.
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
    metrics: PositionMetrics,
  ) {
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
    this.standstills.delete(vehicleId);
    if (!this.latest.clocksBehind.has(vehicleId)) return;
    this.logger.log({ vehicleId }, 'device clock advances again');
    this.change(vehicleId, null);
  }

  /**
   * A pause longer than the limit starts the time anew: a device that was offline may first send again what it sent
   * before.
   */
  private noteStandstill(newest: Position, nowMs: number): void {
    const { vehicleId, receivedAtMs } = newest;
    const before = this.standstills.get(vehicleId);
    const lastReportMs = before?.lastReportMs ?? receivedAtMs;
    const isAfterPause = nowMs - lastReportMs > this.behindAfterMs;
    const sinceMs = isAfterPause ? nowMs : (before?.sinceMs ?? receivedAtMs);
    this.standstills.set(vehicleId, { sinceMs, lastReportMs: nowMs });
    if (nowMs - sinceMs < this.behindAfterMs || this.latest.clocksBehind.has(vehicleId)) return;
    this.logger.warn({ vehicleId, newestTime: new Date(newest.timeMs) }, 'device clock behind');
    this.change(vehicleId, sinceMs);
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

function newer(one: Position | null, other: Position | null): Position | null {
  if (one === null || other === null) return one ?? other;
  return markerTimeMs(other) > markerTimeMs(one) ? other : one;
}

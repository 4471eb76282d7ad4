import { Injectable } from '@nestjs/common';
import { Clock, keyOfCursor, type Page, pageBy } from '../core/index.js';
import {
  type Actor,
  compareStatusChanges,
  STATUS_CHANGE_ID_BYTES,
  type StatusChange,
  statusChangeId,
} from './status-change.js';
import { StatusChangesRepository } from './status-changes.repository.js';
import type { UnitStatus } from './status-change.js';
import { badStatusTime } from './vehicle.errors.js';
import type { Vehicle } from './vehicle.js';
import { VehicleWriter } from './vehicle-writer.js';
import { VehiclesRepository } from './vehicles.repository.js';

/** Accepted clock skew, as for positions. */
const MAX_AHEAD_MS = 300_000;
/** An earlier time means a stopped clock: no device is that old. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const CURSOR = new RegExp(`^[0-9a-f]{${STATUS_CHANGE_ID_BYTES * 2}}$`);

interface StatusStatement {
  readonly status: UnitStatus;
  /** Start of the status, epoch milliseconds; default now. */
  readonly atMs?: number;
}

/** The vehicle's status after a change; another status when a newer change is known. */
export interface StatusAnswer {
  readonly status: UnitStatus;
  /** ISO-8601 UTC. */
  readonly statusAt: string;
}

@Injectable()
export class VehicleStatusService {
  constructor(
    private readonly writer: VehicleWriter,
    private readonly vehicles: VehiclesRepository,
    private readonly history: StatusChangesRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * Records a status change and makes it the vehicle's status unless a newer change is known; durable when it resolves.
   * The same change sent again is stored once. The same status at a later time is a change too, so that a late change
   * from in between does not replace it.
   * @throws vehicles/not-found, input/invalid for `at`
   */
  async state(vehicleId: string, { status, atMs }: StatusStatement, by: Actor): Promise<StatusAnswer> {
    const nowMs = this.clock.nowMs();
    if (atMs !== undefined) assertPlausible(atMs, nowMs);
    let superseded: StatusChange | null = null;
    const vehicle = await this.writer.change(vehicleId, (current) => {
      const stated = newStatusChange(current, { status, atMs }, nowMs, by);
      const order = compareStatusChanges(stated, current.lastStatus);
      superseded = order > 0 ? null : order === 0 ? current.lastStatus : stated;
      return order > 0 ? { lastStatus: stated } : null;
    });
    if (superseded) await this.history.insertOnce(superseded);
    return { status: vehicle.lastStatus.status, statusAt: vehicle.lastStatus.at.toISOString() };
  }

  /** Newest first by `at`; also of archived vehicles. @throws vehicles/not-found, input/invalid for the cursor */
  async listHistory(vehicleId: string, limit: number, cursor?: string): Promise<Page<StatusChange>> {
    const beforeId = keyOfCursor(cursor, CURSOR);
    const vehicle = await this.vehicles.getIncludingArchived(vehicleId);
    // A kill between the two writes leaves the newest change out of the history.
    await this.history.insertOnce(vehicle.lastStatus);
    const found = await this.history.list(vehicle.id, beforeId, limit + 1);
    return pageBy(found, limit, (change) => statusChangeId(change).toString('hex'));
  }
}

/** A change without a time is newer than every known change: its author sees the current status. */
export function newStatusChange(
  vehicle: Vehicle,
  { status, atMs }: StatusStatement,
  nowMs: number,
  by: Actor,
): StatusChange {
  const at = new Date(atMs ?? Math.max(nowMs, vehicle.lastStatus.at.getTime() + 1));
  return { vehicleId: vehicle.id, status, at, recordedAt: new Date(nowMs), by };
}

function assertPlausible(atMs: number, nowMs: number): void {
  if (atMs > nowMs + MAX_AHEAD_MS) {
    throw badStatusTime(`at must not lie more than ${MAX_AHEAD_MS / 1_000} s ahead of this service's clock`);
  }
  if (atMs < EARLIEST_MS) throw badStatusTime('at must not lie before 2000-01-01');
}

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
import type { UnitStatus } from './unit-status.js';
import { badStatusTime } from './vehicle.errors.js';
import type { Vehicle } from './vehicle.js';
import { VehicleWriter } from './vehicle-writer.js';
import { VehiclesRepository } from './vehicles.repository.js';

/** As for positions: a clock may run ahead by this much. */
export const MAX_AHEAD_MS = 300_000;
/** Before that no device of ours existed: its clock has stopped. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const CURSOR = new RegExp(`^[0-9a-f]{${STATUS_CHANGE_ID_BYTES * 2}}$`);

export interface StatusStatement {
  readonly status: UnitStatus;
  /** Since when, epoch milliseconds; absent: from now on. */
  readonly atMs?: number;
}

/** The vehicle's status after a statement: another one where a newer statement is known. */
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
   * Takes a statement into the vehicle's history and, unless a newer one is known, as its status; durable when it
   * resolves. The same statement sent again is kept once. Repeating the status at a later time is a statement too: a
   * late one from in between must not overturn it.
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

  /** Newest first by `at`; of archived vehicles too. @throws vehicles/not-found, input/invalid for the cursor */
  async listHistory(vehicleId: string, limit: number, cursor?: string): Promise<Page<StatusChange>> {
    const beforeId = keyOfCursor(cursor, CURSOR);
    const vehicle = await this.vehicles.getIncludingArchived(vehicleId);
    // A kill may have come between the vehicle and its history.
    await this.history.insertOnce(vehicle.lastStatus);
    const found = await this.history.list(vehicle.id, beforeId, limit + 1);
    return pageBy(found, limit, (change) => statusChangeId(change).toString('hex'));
  }
}

/** Without a time of its own a statement is about now, and newer than whatever is known: its author sees that. */
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

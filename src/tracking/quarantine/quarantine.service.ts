import { Injectable } from '@nestjs/common';
import { Clock, invalidInput, type PositionView, EventBus } from '../../core/index.js';
import { LatestPositions } from '../live/latest-positions.js';
import { PositionsRepository } from '../positions.repository.js';
import { isQuarantineId } from './quarantine-id.js';
import { quarantinedNotFound } from './quarantine.errors.js';
import {
  type QuarantineEntry,
  QuarantineRepository,
  type QuarantineCursor,
} from './quarantine.repository.js';
import { isSamePlace, toPositionView } from '../stored-position.js';
import type { QuarantineCode } from '../verdict.js';

export interface QuarantinedPosition {
  readonly id: string;
  readonly vehicleId: string;
  readonly code: QuarantineCode;
  readonly position: PositionView;
  readonly releasedAt: Date | null;
  /** User id; null while held, and when a row of jumps released it. */
  readonly releasedBy: string | null;
}

export interface QuarantineQuery {
  readonly vehicleId?: string;
  readonly reason?: QuarantineCode;
  readonly limit: number;
  readonly cursor?: string;
}

export interface QuarantinePage {
  readonly items: readonly QuarantinedPosition[];
  readonly nextCursor: string | null;
  /** How many are held of all vehicles, by reason. */
  readonly counts: Readonly<Record<QuarantineCode, number>>;
}

@Injectable()
export class QuarantineService {
  constructor(
    private readonly quarantine: QuarantineRepository,
    private readonly positions: PositionsRepository,
    private readonly latest: LatestPositions,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {}

  /** Held ones, newest arrival first. @throws input/invalid for a cursor that this service did not make */
  async list({ vehicleId, reason, limit, cursor }: QuarantineQuery): Promise<QuarantinePage> {
    const [found, counts] = await Promise.all([
      this.quarantine.listHeld(cursor === undefined ? null : parseCursor(cursor), limit + 1, {
        vehicleId,
        code: reason,
      }),
      this.quarantine.countHeld(),
    ]);
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map(toView),
      nextCursor: found.length > limit && last ? cursorOf(last) : null,
      counts,
    };
  }

  /**
   * Believes it after all: it becomes part of the history and is shown live. Where another place stands at its very
   * moment, the two change places: a key is one vehicle and one time, and neither fix may be lost. Repeatable.
   * @throws quarantine/not-found, storage/unavailable
   */
  async release(id: string, userId: string): Promise<QuarantinedPosition> {
    const entry = isQuarantineId(id) ? await this.quarantine.findById(id) : null;
    if (!entry) throw quarantinedNotFound();
    if (entry.releasedAt) return toView(entry);

    const at = new Date(this.clock.nowMs());
    const { report } = entry;
    const newest = await this.positions.findNewest(report.vehicleId);
    const [other] = (await this.positions.findStored([report])).values();
    if (other && !isSamePlace(other, report))
      await this.quarantine.holdAgain({ report: other, code: 'time_conflict' });
    const recorded = { position: report, late: newest !== null && report.timeMs < newest.timeMs };
    await this.positions.replace(recorded, at);
    await this.quarantine.markReleased([report], at, userId);
    this.latest.offer(report);
    this.events.publish('position.recorded', [recorded]);
    return { ...toView(entry), releasedAt: at, releasedBy: userId };
  }
}

function toView({ id, report, code, releasedAt, releasedBy }: QuarantineEntry): QuarantinedPosition {
  return { id, vehicleId: report.vehicleId, code, position: toPositionView(report), releasedAt, releasedBy };
}

function cursorOf({ report, id }: QuarantineEntry): string {
  return Buffer.from(`${report.receivedAtMs}.${id}`, 'latin1').toString('base64url');
}

function parseCursor(cursor: string): QuarantineCursor {
  const match = /^(\d{1,16})\.([0-9a-f]+)$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (!match?.[1] || !match[2] || !isQuarantineId(match[2])) {
    throw invalidInput([{ path: 'cursor', message: 'cursor must be one that a former page gave' }]);
  }
  return { receivedAtMs: Number(match[1]), id: match[2] };
}

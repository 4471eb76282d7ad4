import { Injectable } from '@nestjs/common';
import {
  Clock,
  DomainError,
  isSamePlace,
  keyOfCursor,
  pageBy,
  type Position,
  type QuarantineCode,
  type RecordedPosition,
  toPositionView,
} from '../../core/index.js';
import { InDoubtWrites } from '../ingest/in-doubt-writes.js';
import { LateCommits } from '../ingest/late-commits.js';
import { TrackMemory } from '../ingest/track-memory.js';
import { LatestPositions } from '../live/latest-positions.js';
import { isQuarantineId } from '../position-id.js';
import { PositionsRepository } from '../positions.repository.js';
import type { QuarantinedPositionDto, QuarantinePageDto } from './quarantine.dto.js';
import {
  type QuarantineCursor,
  type QuarantinedPosition,
  QuarantineRepository,
} from './quarantine.repository.js';

/** Time of arrival and id of the last entry shown. */
const CURSOR = /^\d{1,16}\.[0-9a-f]{56}$/;

interface QuarantineQuery {
  readonly vehicleId?: string;
  readonly reason?: QuarantineCode;
  readonly limit: number;
  readonly cursor?: string;
}

@Injectable()
export class QuarantineService {
  constructor(
    private readonly quarantine: QuarantineRepository,
    private readonly positions: PositionsRepository,
    private readonly latest: LatestPositions,
    private readonly lateCommits: LateCommits,
    private readonly memory: TrackMemory,
    private readonly inDoubt: InDoubtWrites,
    private readonly clock: Clock,
  ) {}

  /** Held positions, newest arrival first. @throws input/invalid for a cursor that this service did not issue */
  async list({ vehicleId, reason, limit, cursor }: QuarantineQuery): Promise<QuarantinePageDto> {
    const [found, counts] = await Promise.all([
      this.quarantine.listHeld(parseCursor(cursor), limit + 1, { vehicleId, code: reason }),
      this.quarantine.countHeld(),
    ]);
    const { items, nextCursor } = pageBy(
      found,
      limit,
      ({ position, id }) => `${position.receivedAtMs}.${id}`,
    );
    return { items: items.map(toDto), nextCursor, counts };
  }

  /**
   * Moves a position from quarantine into the history and publishes it. When the history has another place at the same
   * time, the two change places: the key is one vehicle and one time, and neither position may be lost. Repeatable.
   * @throws quarantine/not-found, storage/unavailable
   */
  async release(id: string, userId: string): Promise<QuarantinedPositionDto> {
    const entry = isQuarantineId(id) ? await this.quarantine.findById(id) : null;
    if (!entry) throw new DomainError('quarantine/not-found', 'There is no such quarantined position.');
    if (entry.releasedAt) return toDto(entry);

    const position = withoutInvalidAccuracy(entry.position);
    const { vehicleId } = position;
    const recordedAtMs = this.clock.nowMs();
    const releasedAt = new Date(recordedAtMs);
    try {
      const recorded = await this.moveToHistory(position, recordedAtMs, userId);
      await this.memory.noteChange([vehicleId]);
      const renewed = await this.lateCommits.renew([recorded]);
      this.inDoubt.confirm(renewed);
      this.latest.publish(renewed);
    } catch (error) {
      // It may be released in storage: a repetition would then change nothing, and never publish it.
      this.inDoubt.add([position], recordedAtMs);
      throw error;
    }
    return { ...toDto(entry), releasedAt, releasedBy: userId };
  }

  /** @throws storage/unavailable: a part of it may be done */
  private async moveToHistory(
    position: Position,
    recordedAtMs: number,
    userId: string,
  ): Promise<RecordedPosition> {
    const newest = await this.positions.findNewest(position.vehicleId);
    const [other] = (await this.positions.findStored([position])).values();
    if (other && !isSamePlace(other, position))
      await this.quarantine.holdAgain({ position: other, code: 'time_conflict' });
    const late = newest !== null && position.timeMs < newest.timeMs;
    const recorded = { position, late, recordedAtMs };
    await this.positions.replace(recorded);
    await this.quarantine.markReleased([position], new Date(recordedAtMs), userId);
    return recorded;
  }
}

/** A negative radius is no measurement; the history has none. */
function withoutInvalidAccuracy(position: Position): Position {
  const { accuracyM, ...rest } = position;
  return accuracyM !== undefined && accuracyM < 0 ? rest : position;
}

function toDto({ id, position, code, releasedAt, releasedBy }: QuarantinedPosition): QuarantinedPositionDto {
  const { vehicleId } = position;
  return { id, vehicleId, code, position: toPositionView(position), releasedAt, releasedBy };
}

function parseCursor(cursor: string | undefined): QuarantineCursor | null {
  const key = keyOfCursor(cursor, CURSOR);
  if (key === null) return null;
  const [receivedAtMs = '', id = ''] = key.split('.');
  return { receivedAtMs: Number(receivedAtMs), id };
}

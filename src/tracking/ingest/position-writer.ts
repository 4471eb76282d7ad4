import { Injectable } from '@nestjs/common';
import { Clock, isSamePlace, type Position, type RecordedPosition } from '../../core/index.js';
import { positionKey, PositionsRepository } from '../positions.repository.js';
import { type HeldPosition, QuarantineRepository } from '../quarantine/quarantine.repository.js';
import { LateCommits } from './late-commits.js';
import type { ValidatedGroup, ValidationResult } from './position-validator.js';

export interface WrittenGroup {
  /** One per position, in the order of the group: the verdict after the write. */
  readonly results: readonly ValidationResult[];
  /** The positions that are part of the history now, released ones included; ascending by time. */
  readonly recorded: readonly RecordedPosition[];
  /** Another instance has stored some of the vehicles and times since the validation. */
  readonly hasConflicts: boolean;
}

/** Stored positions by `positionKey`. */
type StoredPositions = ReadonlyMap<string, Position>;

/** Makes a validated group durable. */
@Injectable()
export class PositionWriter {
  constructor(
    private readonly positions: PositionsRepository,
    private readonly quarantine: QuarantineRepository,
    private readonly lateCommits: LateCommits,
    private readonly clock: Clock,
  ) {}

  /**
   * Writes good positions before the quarantine. A process that is killed in between leaves a released position in both
   * collections, and the next validation finds the good one. The other order could leave it in neither.
   * @throws storage/unavailable: any part of the group may be stored or not
   */
  async write(positions: readonly Position[], validated: ValidatedGroup): Promise<WrittenGroup> {
    const recordedAtMs = this.clock.nowMs();
    const accepted: RecordedPosition[] = [];
    for (const [index, position] of positions.entries()) {
      const result = validated.results[index];
      if (result?.verdict === 'stored') accepted.push({ position, late: result.late, recordedAtMs });
    }
    const released = validated.released.map(({ position, late }) => ({ position, late, recordedAtMs }));
    const taken = await this.insert(released.length === 0 ? accepted : [...accepted, ...released]);
    const results = resultsAfterInsert(positions, validated.results, taken);

    // A jump whose time another place has taken stays in quarantine.
    const recorded = released.filter(({ position }) => !isAtOtherPlace(taken, position));
    const releasedPositions = recorded.map(({ position }) => position);
    const held: HeldPosition[] = [];
    positions.forEach((position, index) => {
      const result = results[index];
      if (result?.verdict === 'quarantined') held.push({ position, code: result.code });
      else if (result?.verdict === 'stored' && result.wasHeld) releasedPositions.push(position);
    });
    for (const each of accepted)
      if (taken.size === 0 || !taken.has(positionKey(each.position))) recorded.push(each);

    await this.quarantine.insertHeld(held);
    await this.quarantine.markReleased(releasedPositions, new Date(recordedAtMs), null);
    recorded.sort((a, b) => a.position.timeMs - b.position.timeMs);
    return { results, recorded: await this.lateCommits.renew(recorded), hasConflicts: taken.size > 0 };
  }

  /** @returns the positions that another instance has stored since the validation */
  private async insert(recorded: readonly RecordedPosition[]): Promise<StoredPositions> {
    if (recorded.length === 0) return new Map();
    const taken = await this.positions.insert(recorded);
    if (taken.size === 0) return new Map();
    return this.positions.findStored([...taken].flatMap((index) => recorded[index]?.position ?? []));
  }
}

/** Corrects the verdict `stored` where another instance has stored the same vehicle and time since the validation. */
function resultsAfterInsert(
  positions: readonly Position[],
  results: readonly ValidationResult[],
  taken: StoredPositions,
): readonly ValidationResult[] {
  if (taken.size === 0) return results;
  return results.map((result, index) => {
    const position = positions[index] as Position;
    if (result.verdict !== 'stored' || !taken.has(positionKey(position))) return result;
    return isAtOtherPlace(taken, position)
      ? { verdict: 'quarantined', code: 'time_conflict' }
      : { verdict: 'duplicate' };
  });
}

function isAtOtherPlace(taken: StoredPositions, position: Position): boolean {
  const other = taken.get(positionKey(position));
  return other !== undefined && !isSamePlace(other, position);
}

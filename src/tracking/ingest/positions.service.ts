import { Injectable } from '@nestjs/common';
import {
  Clock,
  ClockSkewDetector,
  DomainError,
  DUPLICATE_TEXT,
  invalidInput,
  type Mutable,
  type Position,
  type PositionResult,
  QUARANTINE_TEXTS,
  RecordEpoch,
  REJECTION_TEXTS,
  type ReportAnswer,
} from '../../core/index.js';
import { LatestPositions } from '../live/latest-positions.js';
import { DeviceClocks } from './device-clocks.js';
import { type CommitLimit, GroupCommit } from './group-commit.js';
import { InDoubtWrites } from './in-doubt-writes.js';
import { type IngestSource, PositionMetrics } from './position-metrics.js';
import { type ParsedPosition, parsePosition } from './position.parser.js';
import { PositionValidator, type ValidationResult } from './position-validator.js';
import { PositionWriter } from './position-writer.js';
import { MAX_REPORTED, storedAnswer } from './stored-answers.js';
import { TrackContextLoader } from './track-context.js';
import { type MemoryUse, TrackMemory } from './track-memory.js';

/**
 * Ingests positions. The steps, in order:
 *
 * 1. parse: `report` (clients of the old server are parsed in `legacy` and enter at `reportParsed`)
 * 2. group commit: requests that arrive during one commit share the next one
 * 3. load the track context of each vehicle: from memory, or from storage
 * 4. validate: `stored`, `duplicate` or `quarantined`
 * 5. write, and keep the ends of the tracks in memory
 * 6. check the clocks of the devices, update the live markers, then publish `position.recorded`
 * 7. answer by index
 */
@Injectable()
export class PositionsService {
  private readonly groupCommit: GroupCommit<Position, ValidationResult>;

  constructor(
    private readonly contexts: TrackContextLoader,
    private readonly memory: TrackMemory,
    private readonly validator: PositionValidator,
    private readonly writer: PositionWriter,
    private readonly inDoubt: InDoubtWrites,
    private readonly latest: LatestPositions,
    private readonly deviceClocks: DeviceClocks,
    private readonly metrics: PositionMetrics,
    private readonly clockSkew: ClockSkewDetector,
    private readonly clock: Clock,
    private readonly recordEpoch: RecordEpoch,
  ) {
    this.groupCommit = new GroupCommit<Position, ValidationResult>({
      commit: (positions, limit) => this.commit(positions, limit),
      // Not the arrival: a position of the spool can have arrived long before.
      onUnconfirmed: (positions) =>
        this.inDoubt.add(positions, this.groupCommit.committingSinceMs ?? undefined),
      overloadError: overloaded,
      clock,
    });
    metrics.observeQueue(this.groupCommit);
  }

  /**
   * Ingests one report of a vehicle's device. Resolves when all of it is durable. A bad item gets the verdict
   * `rejected` and does not fail the others.
   * @param raws 1–500 values as received
   * @throws input/invalid for another number of values, positions/overloaded, storage/unavailable
   */
  report(vehicleId: string, raws: unknown, source: IngestSource): Promise<ReportAnswer> {
    return this.metrics.count(source, async () => {
      if (!Array.isArray(raws) || raws.length < 1 || raws.length > MAX_REPORTED) throw invalidPositionCount();
      return this.ingest(vehicleId, raws.map(parsePosition));
    });
  }

  /**
   * Like `report`, for positions that are parsed already (`parseMeasurements`).
   * @throws positions/overloaded, storage/unavailable
   */
  reportParsed(
    vehicleId: string,
    parsed: readonly ParsedPosition[],
    source: IngestSource,
  ): Promise<ReportAnswer> {
    return this.metrics.count(source, () => this.ingest(vehicleId, parsed));
  }

  /**
   * Like `reportParsed`, for positions of several vehicles that can have arrived earlier and waited outside storage.
   * @param positions at most 1,000; those of one vehicle in the order of arrival
   * @throws positions/overloaded, storage/unavailable
   */
  recordReceived(positions: readonly Position[], source: IngestSource): Promise<ReportAnswer> {
    return this.metrics.count(source, async () => {
      const byVehicle = new Map<string, Position[]>();
      for (const position of positions) {
        const own = byVehicle.get(position.vehicleId);
        if (own) own.push(position);
        else byVehicle.set(position.vehicleId, [position]);
      }
      const results = await Promise.all(
        [...byVehicle].map(([vehicleId, own]) => this.groupCommit.submit(vehicleId, own)),
      );
      const parsed = [...byVehicle.values()].flat().map((fix): ParsedPosition => ({ fix, dropped: [] }));
      return answerOf(parsed, results.flat());
    });
  }

  /** How full the queue before storage is, 0…1. */
  get pressure(): number {
    return this.groupCommit.pressure;
  }

  /** Positions are being written: further ones are published soon. */
  get isCommitting(): boolean {
    return this.groupCommit.committingSinceMs !== null;
  }

  /** Every position that was recorded here before this time is published, epoch milliseconds. */
  get publishedUpToMs(): number {
    const committedMs = this.groupCommit.committingSinceMs ?? this.clock.nowMs();
    return Math.min(committedMs, this.inDoubt.oldestMs ?? Infinity);
  }

  /** Resolves when every report received before this call is answered. */
  waitForPendingWrites(): Promise<void> {
    return this.groupCommit.waitForPending();
  }

  private async ingest(vehicleId: string, parsed: readonly ParsedPosition[]): Promise<ReportAnswer> {
    const receivedAtMs = this.clock.nowMs();
    const roleEpoch = this.recordEpoch.current;
    const positions: Position[] = [];
    for (const each of parsed) {
      if (!('fix' in each)) continue;
      // It was parsed for this report alone, so it is completed instead of copied.
      const position = each.fix as Mutable<Position>;
      position.vehicleId = vehicleId;
      position.receivedAtMs = receivedAtMs;
      if (roleEpoch !== undefined) position.roleEpoch = roleEpoch;
      positions.push(position);
    }
    return answerOf(parsed, await this.groupCommit.submit(vehicleId, positions));
  }

  private async commit(
    positions: readonly Position[],
    limit: CommitLimit,
  ): Promise<readonly ValidationResult[]> {
    const { vehicleIds, order } = planOf(positions);
    const use = await this.memory.begin(vehicleIds);
    try {
      if (order === null) return await this.commitInOrder(use, positions, limit);
      const group = order.map((index) => positions[index] as Position);
      const results = await this.commitInOrder(use, group, limit);
      const inGivenOrder = new Array<ValidationResult>(positions.length);
      results.forEach((result, n) => (inGivenOrder[order[n] as number] = result));
      return inGivenOrder;
    } finally {
      this.memory.end(use);
    }
  }

  /** @param group the positions of each vehicle are in time order */
  private async commitInOrder(
    use: MemoryUse,
    group: readonly Position[],
    limit: CommitLimit,
  ): Promise<readonly ValidationResult[]> {
    const tracks = await this.contexts.load(group, (vehicleId) => this.memory.find(vehicleId));
    const validated = await this.validator.validate(group.length, tracks);
    const { results, recorded, hasConflicts } = await this.writer.write(group, validated);
    await this.memory.confirm(use);
    // After the time limit the positions are in doubt: InDoubtWrites publishes those that are stored.
    if (limit.error) throw limit.error;
    if (hasConflicts) this.memory.forget(use.vehicleIds);
    else
      this.memory.keep(
        use,
        tracks.map(({ context }) => context.end),
      );
    this.inDoubt.confirm(recorded);
    this.deviceClocks.note(tracks);
    this.latest.publish(recorded);
    this.noteClocks(use.vehicleIds, group, results);
    return results;
  }

  private noteClocks(
    vehicleIds: readonly string[],
    group: readonly Position[],
    results: readonly ValidationResult[],
  ): void {
    const inFuture = new Set<string>();
    for (const [n, result] of results.entries()) {
      if (result.verdict === 'quarantined' && result.code === 'future')
        inFuture.add((group[n] as Position).vehicleId);
    }
    for (const vehicleId of vehicleIds) this.clockSkew.note(vehicleId, inFuture.has(vehicleId));
  }
}

/**
 * The vehicles of a group, and the order in which to validate its positions; null: the given order is right. Contract: the
 * positions of one vehicle are validated in time order. The sort is stable, so the first of two equal positions counts.
 */
function planOf(positions: readonly Position[]): {
  readonly vehicleIds: readonly string[];
  readonly order: readonly number[] | null;
} {
  const previousMs = new Map<string, number>();
  let isInOrder = true;
  let before: Position | undefined;
  for (const position of positions) {
    // A report is of one vehicle, so most positions follow one of the same vehicle.
    if (before && before.vehicleId !== position.vehicleId) {
      previousMs.set(before.vehicleId, before.timeMs);
      isInOrder &&= (previousMs.get(position.vehicleId) ?? -Infinity) <= position.timeMs;
    } else isInOrder &&= before === undefined || before.timeMs <= position.timeMs;
    before = position;
  }
  if (before) previousMs.set(before.vehicleId, before.timeMs);
  const order = isInOrder
    ? null
    : positions.map((_, index) => index).sort((a, b) => timeAt(positions, a) - timeAt(positions, b));
  return { vehicleIds: [...previousMs.keys()], order };
}

function timeAt(positions: readonly Position[], index: number): number {
  return positions[index]?.timeMs ?? 0;
}

/** @param results of the positions that were not rejected, in the order of the report */
function answerOf(parsed: readonly ParsedPosition[], results: readonly ValidationResult[]): ReportAnswer {
  if (results.length === parsed.length && areAllStored(parsed, results)) return storedAnswer(parsed.length);
  const answered: PositionResult[] = [];
  const counts = { stored: 0, duplicate: 0, quarantined: 0, rejected: 0 };
  let next = 0;
  for (const [index, each] of parsed.entries()) {
    const answer = 'fix' in each ? resultAt(index, each, results[next++]) : rejectedAt(index, each);
    counts[answer.verdict] += 1;
    answered.push(answer);
  }
  return { results: answered, ...counts };
}

function areAllStored(parsed: readonly ParsedPosition[], results: readonly ValidationResult[]): boolean {
  for (const result of results) if (result.verdict !== 'stored' || result.late) return false;
  for (const each of parsed) if ('fix' in each && each.dropped.length > 0) return false;
  return true;
}

function rejectedAt(
  index: number,
  { rejection }: Extract<ParsedPosition, { rejection: unknown }>,
): PositionResult {
  return { index, verdict: 'rejected', code: rejection, text: REJECTION_TEXTS[rejection] };
}

function resultAt(
  index: number,
  { dropped }: Extract<ParsedPosition, { fix: unknown }>,
  result: ValidationResult | undefined,
): PositionResult {
  if (!result) throw new Error(`no validation result for position ${index}`);
  if (result.verdict === 'stored' && !result.late && dropped.length === 0)
    return { index, verdict: 'stored' };
  return {
    index,
    verdict: result.verdict,
    ...(result.verdict === 'quarantined' && { code: result.code, text: QUARANTINE_TEXTS[result.code] }),
    ...(result.verdict === 'duplicate' && { text: DUPLICATE_TEXT }),
    ...(result.verdict === 'stored' && result.late && { late: true }),
    ...(dropped.length > 0 && { dropped }),
  };
}

function invalidPositionCount(): DomainError {
  return invalidInput([{ path: 'positions', message: `positions must be an array of 1 to ${MAX_REPORTED}` }]);
}

function overloaded(retryAfterMs: number): DomainError {
  return new DomainError(
    'positions/overloaded',
    'Too many positions are waiting to be written; send them again.',
    { retryAfterMs },
  );
}

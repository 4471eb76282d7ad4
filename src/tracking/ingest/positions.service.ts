import { Injectable } from '@nestjs/common';
import {
  Clock,
  DomainError,
  invalidInput,
  type Position,
  type PositionResult,
  type ReportAnswer,
} from '../../core/index.js';
import { parsePosition } from './position.parser.js';
import { PositionMetrics, type IngestSource } from './position-metrics.js';
import { GroupCommit } from './group-commit.js';
import type { ValidationResult } from '../verdict.js';

export const MAX_REPORTED = 500;

/** The way in for every position, whichever door it came through. */
@Injectable()
export class PositionsService {
  constructor(
    private readonly groupCommit: GroupCommit,
    private readonly metrics: PositionMetrics,
    private readonly clock: Clock,
  ) {}

  /**
   * Judges and stores what one vehicle's device sent; resolves when all of it is durable.
   * @param raws 1–500 values as they came
   * @throws input/invalid for the number of them, positions/overloaded, storage/unavailable; never for one bad item
   */
  report(vehicleId: string, raws: unknown, way: IngestSource): Promise<ReportAnswer> {
    return this.metrics.count(way, () => this.ingest(vehicleId, raws));
  }

  private async ingest(vehicleId: string, raws: unknown): Promise<ReportAnswer> {
    if (!Array.isArray(raws) || raws.length < 1 || raws.length > MAX_REPORTED) throw invalidPositionCount();
    const receivedAtMs = this.clock.nowMs();
    const parsed = raws.map((raw) => parsePosition(raw));
    const reports = parsed.flatMap((each): Position[] =>
      'fix' in each ? [{ ...each.fix, vehicleId, receivedAtMs }] : [],
    );
    const validationResults = (await this.groupCommit.record(reports)).values();
    const results = parsed.map((each, index): PositionResult => {
      if ('rejection' in each) return { index, verdict: 'rejected', code: each.rejection };
      const validationResult = validationResults.next().value;
      if (!validationResult) throw new Error('fewer validationResults than fixes');
      return {
        index,
        ...answerOf(validationResult),
        ...(each.dropped.length > 0 && { dropped: each.dropped }),
      };
    });
    return { results, ...count(results) };
  }

  /** Resolves when everything that was taken in before this call is durable and answered. */
  waitForPendingWrites(): Promise<void> {
    return this.groupCommit.waitForPendingWrites();
  }
}

function answerOf(validationResult: ValidationResult): Omit<PositionResult, 'index'> {
  switch (validationResult.verdict) {
    case 'stored':
      return { verdict: 'stored', ...(validationResult.late && { late: true }) };
    case 'duplicate':
      return { verdict: 'duplicate' };
    case 'quarantined':
      return { verdict: 'quarantined', code: validationResult.code };
  }
}

function count(results: readonly PositionResult[]): Omit<ReportAnswer, 'results'> {
  const counts = { stored: 0, duplicate: 0, quarantined: 0, rejected: 0 };
  for (const { verdict } of results) counts[verdict] += 1;
  return counts;
}

function invalidPositionCount(): DomainError {
  return invalidInput([{ path: 'positions', message: `positions must be an array of 1 to ${MAX_REPORTED}` }]);
}

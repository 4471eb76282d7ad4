import { Injectable } from '@nestjs/common';
import {
  Clock,
  DomainError,
  invalidInput,
  type PositionReport,
  type PositionResult,
  type ReportAnswer,
} from '../common/index.js';
import { parsePosition } from './position.parser.js';
import { PositionMetrics, type WayIn } from './position-metrics.js';
import { PositionRecorder } from './position-recorder.js';
import type { Judgement } from './verdict.js';

export const MAX_REPORTED = 500;

/** The way in for every position, whichever door it came through. */
@Injectable()
export class PositionsService {
  constructor(
    private readonly recorder: PositionRecorder,
    private readonly metrics: PositionMetrics,
    private readonly clock: Clock,
  ) {}

  /**
   * Judges and stores what one vehicle's device sent; resolves when all of it is durable.
   * @param raws 1–500 values as they came
   * @throws input/invalid for the number of them, positions/overloaded, storage/unavailable; never for one bad item
   */
  report(vehicleId: string, raws: unknown, way: WayIn): Promise<ReportAnswer> {
    return this.metrics.count(way, () => this.judge(vehicleId, raws));
  }

  private async judge(vehicleId: string, raws: unknown): Promise<ReportAnswer> {
    if (!Array.isArray(raws) || raws.length < 1 || raws.length > MAX_REPORTED) throw badCount();
    const receivedAtMs = this.clock.nowMs();
    const parsed = raws.map((raw) => parsePosition(raw));
    const reports = parsed.flatMap((each): PositionReport[] =>
      'fix' in each ? [{ ...each.fix, vehicleId, receivedAtMs }] : [],
    );
    const judgements = (await this.recorder.record(reports)).values();
    const results = parsed.map((each, index): PositionResult => {
      if ('rejection' in each) return { index, verdict: 'rejected', code: each.rejection };
      const judgement = judgements.next().value;
      if (!judgement) throw new Error('fewer judgements than fixes');
      return { index, ...answerOf(judgement), ...(each.dropped.length > 0 && { dropped: each.dropped }) };
    });
    return { results, ...count(results) };
  }

  /** Resolves when everything that was taken in before this call is durable and answered. */
  whenAnswered(): Promise<void> {
    return this.recorder.whenAnswered();
  }
}

function answerOf(judgement: Judgement): Omit<PositionResult, 'index'> {
  switch (judgement.verdict) {
    case 'stored':
      return { verdict: 'stored', ...(judgement.late && { late: true }) };
    case 'duplicate':
      return { verdict: 'duplicate' };
    case 'quarantined':
      return { verdict: 'quarantined', code: judgement.code };
  }
}

function count(results: readonly PositionResult[]): Omit<ReportAnswer, 'results'> {
  const counts = { stored: 0, duplicate: 0, quarantined: 0, rejected: 0 };
  for (const { verdict } of results) counts[verdict] += 1;
  return counts;
}

function badCount(): DomainError {
  return invalidInput([{ path: 'positions', message: `positions must be an array of 1 to ${MAX_REPORTED}` }]);
}

import { Injectable, Logger } from '@nestjs/common';
import {
  Clock,
  ClockSkewDetector,
  DomainError,
  runOutsideRequest,
  type Position,
  EventBus,
} from '../../core/index.js';
import { storageUnavailable, translateStorageError } from '../../database/index.js';
import { LatestPositions } from '../live/latest-positions.js';
import type { RecordedPosition } from '../recorded-position.js';
import { PositionValidator } from './position-validator.js';
import { InDoubtWrites } from './in-doubt-writes.js';
import type { ValidationResult } from '../verdict.js';
import { MAX_GROUP, AdaptiveQueueLimit } from './adaptive-queue-limit.js';

/** A group that is not through by then is of unknown fate: its devices send again. */
const GROUP_TIMEOUT_MS = 60_000;

interface QueuedRequest {
  readonly reports: readonly Position[];
  readonly resolve: (validationResults: readonly ValidationResult[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: what arrives while a write is on its way shares the next one. One write at a time keeps the judging of
 * a vehicle in order, and under load the groups grow instead of the queue.
 */
@Injectable()
export class GroupCommit {
  private readonly logger = new Logger(GroupCommit.name);
  private readonly queueLimit = new AdaptiveQueueLimit();
  private readonly queue: QueuedRequest[] = [];
  private waitingCount = 0;
  private running: Promise<void> | null = null;
  private writing: readonly Position[] = [];
  private writingSinceMs: number | null = null;

  constructor(
    private readonly validator: PositionValidator,
    private readonly latest: LatestPositions,
    private readonly events: EventBus,
    private readonly inDoubt: InDoubtWrites,
    private readonly clock: Clock,
    private readonly clockSkew: ClockSkewDetector,
  ) {}

  /** How full the queue is, 0…1. */
  get pressure(): number {
    return this.waitingCount / this.queueLimit.limit;
  }

  /** Positions that are not durable yet, those of the write under way included. */
  get waiting(): number {
    return this.waitingCount + this.writing.length;
  }

  /** When the oldest of them arrived, epoch milliseconds; null when there is none. */
  get oldestWaitingMs(): number | null {
    return (this.writing[0] ?? this.queue[0]?.reports[0])?.receivedAtMs ?? null;
  }

  /** Everything that was recorded here before this moment has been shown, epoch milliseconds. */
  get publishedUpToMs(): number {
    return Math.min(this.writingSinceMs ?? this.clock.nowMs(), this.inDoubt.oldestMs ?? Infinity);
  }

  /**
   * Resolves when all of them are durable.
   * @returns a validationResult for each, in the order given
   * @throws positions/overloaded, storage/unavailable
   */
  record(reports: readonly Position[]): Promise<readonly ValidationResult[]> {
    if (reports.length === 0) return Promise.resolve([]);
    if (this.waitingCount + reports.length > this.queueLimit.limit) {
      return Promise.reject(overloaded(this.queueLimit.retryAfterMs(this.waitingCount)));
    }
    this.waitingCount += reports.length;
    return new Promise((resolve, reject) => {
      this.queue.push({ reports, resolve, reject });
      this.running ??= runOutsideRequest(() => this.run());
    });
  }

  /** Resolves when everything that was taken in before this call is durable and answered, or refused. */
  async waitForPendingWrites(): Promise<void> {
    if (!this.running) return;
    await new Promise<unknown>((resolve) => this.queue.push({ reports: [], resolve, reject: resolve }));
  }

  private async run(): Promise<void> {
    // Not in the caller's turn: what else arrives in this turn of the event loop joins the first group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.queue.length > 0) await this.writeGroup(this.takeGroup());
    this.running = null;
  }

  private takeGroup(): QueuedRequest[] {
    let count = 0;
    let end = 0;
    while (
      end < this.queue.length &&
      (end === 0 || count + (this.queue[end]?.reports.length ?? 0) <= MAX_GROUP)
    ) {
      count += this.queue[end]?.reports.length ?? 0;
      end += 1;
    }
    this.waitingCount -= count;
    return this.queue.splice(0, end);
  }

  private takeAll(): QueuedRequest[] {
    this.waitingCount = 0;
    return this.queue.splice(0);
  }

  private async writeGroup(group: readonly QueuedRequest[]): Promise<void> {
    try {
      await this.write(group);
    } catch (error) {
      if (isOutage(error)) this.refuse([...group, ...this.takeAll()], error);
      else if (group.length === 1) this.refuse(group, error);
      else await this.writeOneByOne(group);
    }
  }

  /** One of them is what storage chokes on: only its sender is to hear of it. */
  private async writeOneByOne(group: readonly QueuedRequest[]): Promise<void> {
    for (const [index, waiting] of group.entries()) {
      try {
        await this.write([waiting]);
      } catch (error) {
        if (isOutage(error)) return this.refuse([...group.slice(index), ...this.takeAll()], error);
        this.refuse([waiting], error);
      }
    }
  }

  /** In an outage that is everybody: those behind would each wait a time-out of their own for the same answer. */
  private refuse(refused: readonly QueuedRequest[], error: unknown): void {
    for (const waiting of refused) waiting.reject(error);
  }

  /** @throws what judging or storing them threw: then nothing is known of any of them */
  private async write(group: readonly QueuedRequest[]): Promise<void> {
    const reports = group.flatMap((waiting) => waiting.reports);
    if (reports.length === 0) return group.forEach(({ resolve }) => resolve([]));
    // Contract: judged in time order, answered in index order. Sorting is stable, so of two alike the first counts.
    const order = reports.map((_, index) => index).sort((a, b) => timeOf(reports, a) - timeOf(reports, b));
    const inTimeOrder = order.map((index) => reports[index] as Position);
    this.writingSinceMs = this.clock.nowMs();
    this.writing = reports;
    try {
      const { validationResults, recorded } = await withTimeout(this.validator.validate(inTimeOrder));
      this.queueLimit.note(reports.length, this.clock.nowMs() - this.writingSinceMs);
      this.publishRecorded(recorded);
      validationResults.forEach((validationResult, index) =>
        this.recordClockSkew(inTimeOrder[index], validationResult),
      );
      const answers = new Array<ValidationResult>(reports.length);
      order.forEach((index, position) => (answers[index] = validationResults[position] as ValidationResult));
      let start = 0;
      for (const waiting of group) {
        waiting.resolve(answers.slice(start, start + waiting.reports.length));
        start += waiting.reports.length;
      }
    } catch (error) {
      this.logger.warn({ err: error, reports: reports.length }, 'a group of positions was not confirmed');
      this.inDoubt.add(inTimeOrder);
      throw error;
    } finally {
      this.writingSinceMs = null;
      this.writing = [];
    }
  }

  private recordClockSkew(report: Position | undefined, validationResult: ValidationResult): void {
    const isFuture = validationResult.verdict === 'quarantined' && validationResult.code === 'future';
    if (report) this.clockSkew.note(report.vehicleId, isFuture);
  }

  private publishRecorded(recorded: readonly RecordedPosition[]): void {
    this.inDoubt.confirm(recorded.map(({ position }) => position));
    for (const { position } of recorded) this.latest.offer(position);
    if (recorded.length > 0) this.events.publish('position.recorded', recorded);
  }
}

/**
 * Each step of judging has its own time-out in the driver; this is for the day on which one of them has not. One write at a
 * time also means that one that never ends would be the last.
 */
async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(storageUnavailable(new Error('not confirmed in time'))),
      GROUP_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Nothing can be written just now, whatever it is. */
function isOutage(error: unknown): boolean {
  const known = error instanceof DomainError ? error : translateStorageError(error);
  return known?.code === 'storage/unavailable';
}

function timeOf(reports: readonly Position[], index: number): number {
  return reports[index]?.timeMs ?? 0;
}

function overloaded(retryAfterMs: number): DomainError {
  return new DomainError(
    'positions/overloaded',
    'Too many positions are waiting to be written; send them again.',
    { retryAfterMs },
  );
}

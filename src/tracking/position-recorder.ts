import { Injectable, Logger } from '@nestjs/common';
import { Clock, ClockDoubt, DomainError, outsideCalls, type PositionReport } from '../common/index.js';
import { storageUnavailable } from '../database/index.js';
import { LatestPositions } from './latest-positions.js';
import { PositionFeed, type RecordedPosition } from './position-feed.js';
import { PositionJudge } from './position-judge.js';
import { UnconfirmedPositions } from './unconfirmed-positions.js';
import type { Judgement } from './verdict.js';

/** Of one durable write: past this a group costs latency and wins nothing. */
const MAX_GROUP = 1_000;
/** Waiting for a write: at 250 bytes each about 5 MB, and some seconds of work. */
const MAX_WAITING = 20_000;
const OVERLOAD_RETRY_MS = 1_000;
/** A group that is not through by then is of unknown fate: its devices send again. */
const GROUP_LIMIT_MS = 60_000;

interface Waiting {
  readonly reports: readonly PositionReport[];
  readonly resolve: (judgements: readonly Judgement[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: what arrives while a write is on its way shares the next one. One write at a time keeps the judging of
 * a vehicle in order, and under load the groups grow instead of the queue.
 */
@Injectable()
export class PositionRecorder {
  private readonly logger = new Logger(PositionRecorder.name);
  private readonly queue: Waiting[] = [];
  private waitingCount = 0;
  private running: Promise<void> | null = null;
  private writing: readonly PositionReport[] = [];
  private writingSinceMs: number | null = null;

  constructor(
    private readonly judge: PositionJudge,
    private readonly latest: LatestPositions,
    private readonly feed: PositionFeed,
    private readonly unconfirmed: UnconfirmedPositions,
    private readonly clock: Clock,
    private readonly doubt: ClockDoubt,
  ) {}

  /** How full the queue is, 0…1. */
  get pressure(): number {
    return this.waitingCount / MAX_WAITING;
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
  get shownUpToMs(): number {
    return Math.min(this.writingSinceMs ?? this.clock.nowMs(), this.unconfirmed.oldestMs ?? Infinity);
  }

  /**
   * Resolves when all of them are durable.
   * @returns a judgement for each, in the order given
   * @throws positions/overloaded, storage/unavailable
   */
  record(reports: readonly PositionReport[]): Promise<readonly Judgement[]> {
    if (reports.length === 0) return Promise.resolve([]);
    if (this.waitingCount + reports.length > MAX_WAITING) return Promise.reject(overloaded());
    this.waitingCount += reports.length;
    return new Promise((resolve, reject) => {
      this.queue.push({ reports, resolve, reject });
      this.running ??= outsideCalls(() => this.run());
    });
  }

  /** Resolves when everything that was taken in before this call is durable and answered, or refused. */
  async whenAnswered(): Promise<void> {
    if (!this.running) return;
    await new Promise<unknown>((resolve) => this.queue.push({ reports: [], resolve, reject: resolve }));
  }

  private async run(): Promise<void> {
    // Not in the caller's turn: what else arrives in this turn of the event loop joins the first group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.queue.length > 0) await this.writeGroup(this.takeGroup());
    this.running = null;
  }

  private takeGroup(): Waiting[] {
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

  private takeAll(): Waiting[] {
    this.waitingCount = 0;
    return this.queue.splice(0);
  }

  private async writeGroup(group: readonly Waiting[]): Promise<void> {
    const reports = group.flatMap((waiting) => waiting.reports);
    if (reports.length === 0) return group.forEach(({ resolve }) => resolve([]));
    // Contract: judged in time order, answered in index order. Sorting is stable, so of two alike the first counts.
    const order = reports.map((_, index) => index).sort((a, b) => timeOf(reports, a) - timeOf(reports, b));
    const inTimeOrder = order.map((index) => reports[index] as PositionReport);
    this.writingSinceMs = this.clock.nowMs();
    this.writing = reports;
    try {
      const { judgements, recorded } = await inTime(this.judge.judge(inTimeOrder));
      this.show(recorded);
      judgements.forEach((judgement, index) => this.doubtClock(inTimeOrder[index], judgement));
      const answers = new Array<Judgement>(reports.length);
      order.forEach((index, position) => (answers[index] = judgements[position] as Judgement));
      let start = 0;
      for (const waiting of group) {
        waiting.resolve(answers.slice(start, start + waiting.reports.length));
        start += waiting.reports.length;
      }
    } catch (error) {
      this.logger.warn({ err: error, reports: reports.length }, 'a group of positions was not confirmed');
      this.unconfirmed.add(inTimeOrder);
      // Those behind would each wait a time-out of their own for the same answer.
      for (const waiting of [...group, ...this.takeAll()]) waiting.reject(error);
    } finally {
      this.writingSinceMs = null;
      this.writing = [];
    }
  }

  private doubtClock(report: PositionReport | undefined, judgement: Judgement): void {
    const isFuture = judgement.verdict === 'quarantined' && judgement.code === 'future';
    if (report) this.doubt.note(report.vehicleId, isFuture);
  }

  private show(recorded: readonly RecordedPosition[]): void {
    this.unconfirmed.settle(recorded.map(({ position }) => position));
    for (const { position } of recorded) this.latest.offer(position);
    this.feed.publish(recorded);
  }
}

/**
 * Each step of judging has its own time-out in the driver; this is for the day on which one of them has not. One write at a
 * time also means that one that never ends would be the last.
 */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(storageUnavailable(new Error('not confirmed in time'))), GROUP_LIMIT_MS);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

function timeOf(reports: readonly PositionReport[], index: number): number {
  return reports[index]?.timeMs ?? 0;
}

function overloaded(): DomainError {
  return new DomainError(
    'unavailable',
    'positions/overloaded',
    'Too many positions are waiting to be written; send them again.',
    {
      retryAfterMs: OVERLOAD_RETRY_MS,
    },
  );
}

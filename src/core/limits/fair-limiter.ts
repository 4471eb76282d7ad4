import { RoundRobinQueue } from './round-robin-queue.js';

/**
 * `known`: authenticated recently, or holds a token. `suspect`: guessed a secret wrongly a short time ago. A better rank
 * goes first.
 */
export type CallerRank = 'known' | 'unknown' | 'suspect';

const RANKS: readonly CallerRank[] = ['known', 'unknown', 'suspect'];
/** Every fourth start begins with the next rank, so that no rank waits for ever. */
const STARTS_PER_LOWER_RANK = 4;

/** The caller that a task is for. */
export interface LimitedCaller {
  /** Network, account or vehicle. Tasks of one key share one queue. */
  readonly key: string;
  readonly rank: CallerRank;
}

interface FairLimits {
  /** Tasks that run at the same time. */
  readonly maxRunning: number;
  /** Waiting tasks of each rank. */
  readonly maxWaiting: number;
}

interface WaitingTask {
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
}

/**
 * Runs at most `maxRunning` tasks. Further tasks wait, one queue for each key, and start in turn over the keys: a caller
 * with many tasks delays its own tasks and not those of others. When the queues of a rank are full, a key with fewer
 * waiting tasks displaces the newest task of the key with most. A displaced task and one that finds no place are refused
 * at once, because their answers would come too late.
 */
export class FairLimiter {
  private readonly queues = {
    known: new RoundRobinQueue<WaitingTask>(),
    unknown: new RoundRobinQueue<WaitingTask>(),
    suspect: new RoundRobinQueue<WaitingTask>(),
  };
  private runningCount = 0;
  /** Starts of tasks that had to wait. */
  private startCount = 0;

  constructor(
    private readonly limits: FairLimits,
    private readonly makeBusyError: () => Error,
  ) {}

  /** True while a new task would start without waiting. */
  get hasFreeSlot(): boolean {
    return this.runningCount < this.limits.maxRunning;
  }

  /** @throws the error of `makeBusyError`, or what the task throws */
  async run<T>(caller: LimitedCaller, task: () => Promise<T>): Promise<T> {
    if (this.hasFreeSlot) this.runningCount += 1;
    else await this.waitForSlot(caller);
    try {
      return await task();
    } finally {
      this.runningCount -= 1;
      this.startNext();
    }
  }

  private waitForSlot({ key, rank }: LimitedCaller): Promise<void> {
    const queue = this.queues[rank];
    if (queue.size >= this.limits.maxWaiting) {
      const displaced = queue.takeNewestOfLongest(key);
      if (!displaced) throw this.makeBusyError();
      displaced.refuse(this.makeBusyError());
    }
    return new Promise((start, refuse) => queue.add(key, { start, refuse }));
  }

  /** One task has ended, so at most one can start. */
  private startNext(): void {
    for (const rank of this.ranksInTurn()) {
      const next = this.queues[rank].take();
      if (!next) continue;
      this.startCount += 1;
      this.runningCount += 1;
      next.start();
      return;
    }
  }

  /** From the best rank on; in every 4th start from the second rank on, and in every 16th from the third. */
  private ranksInTurn(): readonly CallerRank[] {
    let first = 0;
    for (let n = this.startCount + 1; n % STARTS_PER_LOWER_RANK === 0; n /= STARTS_PER_LOWER_RANK) first += 1;
    first = Math.min(first, RANKS.length - 1);
    return [...RANKS.slice(first), ...RANKS.slice(0, first)];
  }
}

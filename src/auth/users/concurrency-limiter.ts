import pLimit from 'p-limit';

/**
 * Runs at most `maxConcurrent` tasks and queues at most `maxQueueLength` more, in order. A task beyond that is refused at
 * once, because its answer would come too late.
 */
export class ConcurrencyLimiter {
  private readonly limit: ReturnType<typeof pLimit>;
  /** Tasks that run or wait. */
  private count = 0;

  constructor(
    private readonly maxConcurrent: number,
    private readonly maxQueueLength: number,
    private readonly makeQueueFullError: () => Error,
  ) {
    this.limit = pLimit(maxConcurrent);
  }

  /** True while a new task would start without waiting. */
  get hasFreeSlot(): boolean {
    return this.count < this.maxConcurrent;
  }

  /** @throws the error of `makeQueueFullError`, or what the task throws */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.count >= this.maxConcurrent + this.maxQueueLength) throw this.makeQueueFullError();
    this.count += 1;
    try {
      return await this.limit(task);
    } finally {
      this.count -= 1;
    }
  }
}

/**
 * At most `maxConcurrent` at work and `maxQueueLength` waiting their turn, in order; who comes after that is refused at once
 * instead of being kept for an answer that comes too late.
 */
export class ConcurrencyLimiter {
  private running = 0;
  private readonly queue: (() => void)[] = [];

  constructor(
    private readonly maxConcurrent: number,
    private readonly maxQueueLength: number,
    private readonly makeQueueFullError: () => Error,
  ) {}

  /** True while somebody could start without waiting. */
  get hasFreeSlot(): boolean {
    return this.running < this.maxConcurrent;
  }

  /** @throws the makeQueueFullError, or what the work throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.hasFreeSlot) this.running += 1;
    else if (this.queue.length >= this.maxQueueLength) throw this.makeQueueFullError();
    else await new Promise<void>((resolve) => this.queue.push(resolve));
    try {
      return await work();
    } finally {
      // The place is handed on, not given up: nobody who comes in between can jump the queue.
      const next = this.queue.shift();
      if (next) next();
      else this.running -= 1;
    }
  }
}

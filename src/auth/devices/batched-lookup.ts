/** Larger queries would delay other requests. */
const MAX_BATCH = 500;

interface PendingLookup<T> {
  readonly id: string;
  readonly resolve: (found: T | null) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Look-ups by id that share queries: ids requested while a query runs go into the next one. One query runs at a time, so
 * when 10,000 devices reconnect at once the queries get larger instead of more.
 */
export class BatchedLookup<T extends { readonly id: string }> {
  private waiting: PendingLookup<T>[] = [];
  private isRunning = false;

  constructor(private readonly find: (ids: readonly string[]) => Promise<readonly T[]>) {}

  /** @returns null when there is no such document @throws what the query of its batch threw */
  get(id: string): Promise<T | null> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ id, resolve, reject });
      if (!this.isRunning) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    // Other look-ups of this turn of the event loop join the first query.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) await this.resolveBatch(this.waiting.splice(0, MAX_BATCH));
    this.isRunning = false;
  }

  private async resolveBatch(batch: readonly PendingLookup<T>[]): Promise<void> {
    try {
      const found = await this.find([...new Set(batch.map(({ id }) => id))]);
      const byId = new Map(found.map((each) => [each.id, each]));
      for (const { id, resolve } of batch) resolve(byId.get(id) ?? null);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

/** More would make a query that holds up the others. */
const MAX_BATCH = 500;

interface PendingLookup<T> {
  readonly id: string;
  readonly resolve: (found: T | null) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Look-ups by id that share a query: what is asked for while one is on its way goes into the next. One at a time, so
 * that with 10,000 devices coming back at once the queries grow instead of their number.
 */
export class BatchedLookup<T extends { readonly id: string }> {
  private waiting: PendingLookup<T>[] = [];
  private isRunning = false;

  constructor(private readonly find: (ids: readonly string[]) => Promise<readonly T[]>) {}

  /** @returns null for what is not there; @throws what the query of its batch threw */
  get(id: string): Promise<T | null> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ id, resolve, reject });
      if (!this.isRunning) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    // Whoever asks in this turn of the event loop comes with the first.
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

import type { PositionView } from '../../core/index.js';
import type { ApiClient, CrashAnswer, ImageAnswer } from '../../tools/client/index.js';

/** Difference of arrival and fix time that a box's position can have: both are the arrival. */
const QUARANTINE_SLACK_MS = 60_000;

/**
 * The stored items of one vehicle, from the newest to the oldest, a slice of time at a time. The lists of the API begin with
 * the newest, so each list is read once.
 */
export class SamserverReader {
  private readonly images: NewestFirst<ImageAnswer>;
  private readonly crashes: NewestFirst<CrashAnswer>;
  private readonly quarantined: NewestFirst<PositionView>;

  constructor(
    private readonly api: ApiClient,
    private readonly vehicleId: string,
  ) {
    this.images = new NewestFirst(api.images(vehicleId), ({ createdAt }) => Date.parse(createdAt));
    this.crashes = new NewestFirst(api.crashes(vehicleId), ({ reportedAt }) => Date.parse(reportedAt));
    this.quarantined = new NewestFirst(unreleased(api, vehicleId), ({ receivedAt }) =>
      Date.parse(receivedAt),
    );
  }

  /** Stored and quarantined positions that arrived in the slice. @param fromMs, toMs from ≤ arrival < to */
  async *positions(fromMs: number, toMs: number): AsyncGenerator<PositionView> {
    const [low, high] = [fromMs - QUARANTINE_SLACK_MS, toMs + QUARANTINE_SLACK_MS];
    for await (const position of this.api.positions(this.vehicleId, low, high)) {
      const atMs = Date.parse(position.receivedAt);
      if (fromMs <= atMs && atMs < toMs) yield position;
    }
    yield* this.quarantined.slice(fromMs, toMs);
  }

  imagesOf(fromMs: number, toMs: number): AsyncGenerator<ImageAnswer> {
    return this.images.slice(fromMs, toMs);
  }

  crashesOf(fromMs: number, toMs: number): AsyncGenerator<CrashAnswer> {
    return this.crashes.slice(fromMs, toMs);
  }

  /** Ends the lists that are not read to their end. */
  async close(): Promise<void> {
    await Promise.all([this.images.close(), this.crashes.close(), this.quarantined.close()]);
  }
}

async function* unreleased(api: ApiClient, vehicleId: string): AsyncGenerator<PositionView> {
  for await (const { position, releasedAt } of api.quarantine(vehicleId))
    if (releasedAt === null) yield position;
}

/** Reads a list that is ordered from the newest item on in slices of time, each slice older than the one before. */
class NewestFirst<T> {
  private next: T | null = null;

  constructor(
    private readonly items: AsyncGenerator<T>,
    private readonly timeOf: (item: T) => number,
  ) {}

  async *slice(fromMs: number, toMs: number): AsyncGenerator<T> {
    for (;;) {
      this.next ??= ((await this.items.next()) as IteratorResult<T, undefined>).value ?? null;
      if (this.next === null || this.timeOf(this.next) < fromMs) return;
      const item = this.next;
      this.next = null;
      if (this.timeOf(item) < toMs) yield item;
    }
  }

  async close(): Promise<void> {
    await this.items.return(undefined);
  }
}

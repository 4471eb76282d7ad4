import {
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { BackgroundJobs, Clock } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import type { LegacyClient, LegacyClientKind, LegacyClientActivity } from './legacy-client.schema.js';
import { idOf, LegacyClientsRepository } from './legacy-clients.repository.js';

const FLUSH_INTERVAL_MS = 30_000;
/** Clients in memory between two flushes. A client above the limit is counted after the next flush. */
const MAX_PENDING = 500;
/** Stored clients of each kind, so that invented names and changing addresses cannot fill the collection. */
const MAX_STORED: Readonly<Record<LegacyClientKind, number>> = { box: 10_000, unknown_box: 200, panel: 500 };
const PRUNE_INTERVAL_MS = 3_600_000;

/**
 * Counts the old server's clients that use this instance. Counts are kept in memory and added to the stored counts of all
 * instances every 30 s, so that counting never delays a position. A kill or an outage loses the counts of at most 30 s.
 */
@Injectable()
export class LegacyClientTracker implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private pending = new Map<string, LegacyClient>();
  private flushing: Promise<void> = Promise.resolve();

  constructor(
    private readonly clients: LegacyClientsRepository,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.jobs.start({
      name: 'legacy-client-flush',
      intervalMs: FLUSH_INTERVAL_MS,
      run: () => this.flush(),
    });
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'legacy-client-prune',
      intervalMs: PRUNE_INTERVAL_MS,
      lock: {},
      startsAfter: () => this.database.whenStarted(),
      run: () => this.prune(),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.flush().catch(() => undefined);
  }

  record(activity: LegacyClientActivity): void {
    const id = idOf(activity);
    const before = this.pending.get(id);
    if (!before && this.pending.size >= MAX_PENDING) return;
    const at = new Date(this.clock.nowMs());
    const firstSeenAt = before?.firstSeenAt ?? at;
    this.pending.set(id, { ...activity, firstSeenAt, lastSeenAt: at, count: (before?.count ?? 0) + 1 });
  }

  /** Writes the counts to storage. @throws storage's errors; the counts stay pending then */
  flush(): Promise<void> {
    const flush = this.flushing.then(() => this.flushNow());
    this.flushing = flush.catch(() => undefined);
    return flush;
  }

  /** Removes the clients above the limits of storage. One instance does it for all. @throws storage's errors */
  async prune(): Promise<void> {
    const all = await this.clients.list();
    for (const [kind, limit] of Object.entries(MAX_STORED))
      await this.clients.remove(all.filter((client) => client.kind === kind).slice(limit));
  }

  /** The most recently seen client first. */
  list(): Promise<LegacyClient[]> {
    return this.clients.list();
  }

  private async flushNow(): Promise<void> {
    if (!this.database.hasStarted) return;
    const pending = [...this.pending.values()];
    this.pending = new Map();
    try {
      for (let client = pending.at(-1); client; client = pending.at(-1)) {
        await this.clients.record(client);
        pending.pop();
      }
    } catch (error) {
      for (const client of pending) this.requeue(client);
      throw error;
    }
  }

  private requeue(client: LegacyClient): void {
    const id = idOf(client);
    const newer = this.pending.get(id);
    const count = client.count + (newer?.count ?? 0);
    this.pending.set(id, { ...client, ...newer, firstSeenAt: client.firstSeenAt, count });
  }
}

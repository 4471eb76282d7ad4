import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import type { LegacyClient, LegacyClientKind, LegacyClientActivity } from './legacy-client.js';
import { idOf, LegacyClientsRepository } from './legacy-clients.repository.js';

const FLUSH_INTERVAL_MS = 30_000;
/** Between two writes; who is over it is seen the next time. */
const MAX_PENDING = 500;
/** In storage, of each kind: whoever makes names up, or comes from ever other addresses, fills no collection. */
const MAX_STORED: Readonly<Record<LegacyClientKind, number>> = { box: 10_000, unknown_box: 200, panel: 500 };
const PRUNE_INTERVAL_MS = 3_600_000;

/**
 * Who still speaks as the old server's clients did. Counted in memory and written down every half minute, beside the
 * way of the positions and never in it; what a kill or an outage costs is half a minute of counting.
 */
@Injectable()
export class LegacyClientTracker implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(LegacyClientTracker.name);
  private pending = new Map<string, LegacyClient>();
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> = Promise.resolve();
  private prunedAtMs = 0;

  constructor(
    private readonly clients: LegacyClientsRepository,
    private readonly database: DatabaseConnection,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.write(), FLUSH_INTERVAL_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.write();
  }

  record(activity: LegacyClientActivity): void {
    const id = idOf(activity);
    const before = this.pending.get(id);
    if (!before && this.pending.size >= MAX_PENDING) return;
    const at = new Date(this.clock.nowMs());
    const firstSeenAt = before?.firstSeenAt ?? at;
    this.pending.set(id, { ...activity, firstSeenAt, lastSeenAt: at, count: (before?.count ?? 0) + 1 });
  }

  /** What was seen up to now is in storage when it resolves, or will be tried again. Never rejects. */
  write(): Promise<void> {
    this.writing = this.writing.then(() => this.writeNow());
    return this.writing;
  }

  /** The last seen first. */
  list(): Promise<LegacyClient[]> {
    return this.clients.list();
  }

  private async writeNow(): Promise<void> {
    if (!this.database.hasStarted) return;
    const pending = [...this.pending.values()];
    this.pending = new Map();
    try {
      for (let client = pending.at(-1); client; client = pending.at(-1)) {
        await this.clients.record(client);
        pending.pop();
      }
      await this.prune();
    } catch (error) {
      // Those that were not written wait on, with what was counted meanwhile.
      for (const client of pending) this.requeue(client);
      this.logger.debug({ err: error }, 'old clients could not be written down just now');
    }
  }

  private requeue(client: LegacyClient): void {
    const id = idOf(client);
    const newer = this.pending.get(id);
    const count = client.count + (newer?.count ?? 0);
    this.pending.set(id, { ...client, ...newer, firstSeenAt: client.firstSeenAt, count });
  }

  private async prune(): Promise<void> {
    if (this.clock.nowMs() - this.prunedAtMs < PRUNE_INTERVAL_MS) return;
    this.prunedAtMs = this.clock.nowMs();
    const all = await this.clients.list();
    for (const [kind, most] of Object.entries(MAX_STORED))
      await this.clients.remove(all.filter((client) => client.kind === kind).slice(most));
  }
}

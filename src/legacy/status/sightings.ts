import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/index.js';
import { DatabaseLink } from '../../database/index.js';
import type { LegacyClient, LegacyClientKind, Sighting } from './legacy-client.js';
import { idOf, LegacyClientsRepository } from './legacy-clients.repository.js';

const WRITE_EVERY_MS = 30_000;
/** Between two writes; who is over it is seen the next time. */
const MOST_WAITING = 500;
/** In storage, of each kind: whoever makes names up, or comes from ever other addresses, fills no collection. */
const MOST_KEPT: Readonly<Record<LegacyClientKind, number>> = { box: 10_000, unknown_box: 200, panel: 500 };
const CLEARED_EVERY_MS = 3_600_000;

/**
 * Who still speaks as the old server's clients did. Counted in memory and written down every half minute, beside the
 * way of the positions and never in it; what a kill or an outage costs is half a minute of counting.
 */
@Injectable()
export class Sightings implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(Sightings.name);
  private waiting = new Map<string, LegacyClient>();
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> = Promise.resolve();
  private clearedAtMs = 0;

  constructor(
    private readonly clients: LegacyClientsRepository,
    private readonly link: DatabaseLink,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.write(), WRITE_EVERY_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.write();
  }

  note(sighting: Sighting): void {
    const id = idOf(sighting);
    const before = this.waiting.get(id);
    if (!before && this.waiting.size >= MOST_WAITING) return;
    const at = new Date(this.clock.nowMs());
    const firstSeenAt = before?.firstSeenAt ?? at;
    this.waiting.set(id, { ...sighting, firstSeenAt, lastSeenAt: at, count: (before?.count ?? 0) + 1 });
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
    if (!this.link.hasStarted) return;
    const waiting = [...this.waiting.values()];
    this.waiting = new Map();
    try {
      for (let client = waiting.at(-1); client; client = waiting.at(-1)) {
        await this.clients.note(client);
        waiting.pop();
      }
      await this.clear();
    } catch (error) {
      // Those that were not written wait on, with what was counted meanwhile.
      for (const client of waiting) this.takeBack(client);
      this.logger.debug({ err: error }, 'old clients could not be written down just now');
    }
  }

  private takeBack(client: LegacyClient): void {
    const id = idOf(client);
    const newer = this.waiting.get(id);
    const count = client.count + (newer?.count ?? 0);
    this.waiting.set(id, { ...client, ...newer, firstSeenAt: client.firstSeenAt, count });
  }

  private async clear(): Promise<void> {
    if (this.clock.nowMs() - this.clearedAtMs < CLEARED_EVERY_MS) return;
    this.clearedAtMs = this.clock.nowMs();
    const all = await this.clients.list();
    for (const [kind, most] of Object.entries(MOST_KEPT))
      await this.clients.forget(all.filter((client) => client.kind === kind).slice(most));
  }
}

import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../core/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { type AcquiredLock, DatabaseConnection, LocksService } from '../database/index.js';
import { PositionLogService } from '../tracking/index.js';
import { CursorsRepository } from '../legacy/shared-collections/index.js';
import { CrewEventsRepository } from './crew-events.repository.js';
import { CrewPositionReader } from './crew-position-reader.js';
import { CrewEventMetrics } from './crew-event-metrics.js';
import { CrewStatesRepository } from './crew-states.repository.js';
import { DispatchSystem } from './dispatch-system.js';
import { CrewEventDetector } from './crew-event-detector.js';
import { PanelNotificationSender } from './panel-notification-sender.js';
import { PanelNotificationClient } from './panel-notification-client.js';

const LEASE = 'crew-events';
/** After a kill -9 the next owner begins within this and `ACQUIRE_INTERVAL_MS`. */
const LEASE_MS = 4_000;
const ACQUIRE_INTERVAL_MS = 1_000;
/** Without an owner for longer than this, nobody was listening: a silence from before says nothing of the vehicle. */
const LEADERLESS_GAP_MS = 15_000;
const COUNT_EVERY_MS = 10_000;
const MAX_COUNTED = 10_000;
const SHUTDOWN_GRACE_MS = 3_000;

/** Sees to it that one instance of all notices and tells, and that there is always one. */
@Injectable()
export class CrewEventLeader implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(CrewEventLeader.name);
  private readonly stopping = new AbortController();
  private readonly panel: PanelNotificationClient | null;
  private running: Promise<void> = Promise.resolve();
  private counts: { readonly waiting: number; readonly dead: number } | null = null;
  private leads = false;
  /** Said once, not with every try. */
  private isFailing = false;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly database: DatabaseConnection,
    private readonly leases: LocksService,
    private readonly states: CrewStatesRepository,
    private readonly events: CrewEventsRepository,
    private readonly dispatchSystem: DispatchSystem,
    private readonly log: PositionLogService,
    private readonly cursors: CursorsRepository,
    private readonly metrics: CrewEventMetrics,
    private readonly clock: Clock,
  ) {
    const { panel } = settings.crewEvents;
    this.panel = panel.url === null ? null : new PanelNotificationClient(panel.url, panel);
    metrics.watch(
      () => this.leads,
      () => this.counts,
    );
  }

  get isLeader(): boolean {
    return this.leads;
  }

  onApplicationBootstrap(): void {
    if (!this.panel)
      this.logger.log(
        'PANEL_NOTIFICATION_URL is not set: events for crews are kept and shown, nothing is sent',
      );
    this.running = this.database.whenStarted().then(() => this.run());
  }

  /** What is under way is brought to its end, if it can within a moment; the rest is for the next owner. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await Promise.race([this.running, sleep(SHUTDOWN_GRACE_MS, undefined, { ref: false })]);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted && this.database.hasStarted) {
      try {
        const held = await this.leases.acquire({
          name: LEASE,
          leaseMs: LEASE_MS,
          maxGapMs: LEADERLESS_GAP_MS,
        });
        if (held) await this.lead({ lease: held, unbrokenSince: held.heldSince });
      } catch (error) {
        if (!this.isFailing)
          this.logger.warn({ err: error }, 'events for crews are not noticed just now; trying again');
        this.isFailing = true;
      }
      // Not all at the same moment.
      const pauseMs = ACQUIRE_INTERVAL_MS * (0.75 + Math.random() / 2);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Until the service stops. @throws when the lease is lost, or storage fails */
  private async lead(held: AcquiredLock): Promise<void> {
    const { lease } = held;
    const { log, cursors, clock } = this;
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, lease.signal, this.stopping.signal]);
    try {
      const watch = this.createDetector(held);
      await watch.begin();
      this.leads = true;
      this.isFailing = false;
      this.logger.log({ epoch: lease.epoch }, 'this instance notices events for crews now');
      const work = [
        new CrewPositionReader(lease, watch, { log, cursors, clock }).run(signal),
        this.runSender(held, signal),
        this.countUntil(signal),
      ].map((each) => each.finally(() => end.abort()));
      const ends = await Promise.allSettled(work);
      for (const each of ends) if (each.status === 'rejected') throw each.reason;
      lease.assertHeld();
      await watch.save(true);
    } finally {
      this.leads = false;
      this.counts = null;
      await lease.release();
    }
  }

  private createDetector(held: AcquiredLock): CrewEventDetector {
    return new CrewEventDetector(held, {
      states: this.states,
      events: this.events,
      dispatchSystem: this.dispatchSystem,
      clock: this.clock,
      settings: this.settings.crewEvents,
      onEvent: ({ id, type, vehicleId }) => {
        this.metrics.recorded(type);
        this.logger.debug({ id, type, vehicleId }, 'noticed for crews');
      },
    });
  }

  private async runSender({ lease }: AcquiredLock, signal: AbortSignal): Promise<void> {
    const { events, panel, metrics, clock } = this;
    if (!panel) return untilAborted(signal);
    const { timeoutMs } = this.settings.crewEvents.panel;
    await new PanelNotificationSender(lease, { events, panel, metrics, clock, timeoutMs }).run(signal);
  }

  private async countUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // A figure is no reason to give the lease away.
      this.counts = await this.count().catch(() => null);
      await sleep(COUNT_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async count(): Promise<{ readonly waiting: number; readonly dead: number }> {
    const [waiting, dead] = await Promise.all([
      this.events.countUpTo(MAX_COUNTED, 'waiting'),
      this.events.countUpTo(MAX_COUNTED, 'dead'),
    ]);
    return { waiting, dead };
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

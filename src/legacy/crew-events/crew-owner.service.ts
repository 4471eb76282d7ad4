import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../../common/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DatabaseLink, type HeldLease, Leases } from '../../database/index.js';
import { PositionLog } from '../../tracking/index.js';
import { CursorsRepository } from '../collections/index.js';
import { CrewEventsRepository } from './crew-events.repository.js';
import { CrewFollower } from './crew-follower.js';
import { CrewMetrics } from './crew-metrics.js';
import { CrewStatesRepository } from './crew-states.repository.js';
import { CrewSurroundings } from './crew-surroundings.js';
import { CrewWatch } from './crew-watch.js';
import { PanelSender } from './panel-sender.js';
import { Panel } from './panel.js';

const LEASE = 'crew-events';
/** After a kill -9 the next owner begins within this and `LOOK_AGAIN_MS`. */
const LEASE_MS = 4_000;
const LOOK_AGAIN_MS = 1_000;
/** Without an owner for longer than this, nobody was listening: a silence from before says nothing of the vehicle. */
const DEAF_AFTER_MS = 15_000;
const COUNT_EVERY_MS = 10_000;
const MOST_COUNTED = 10_000;
const LAST_WRITES_MS = 3_000;

/** Sees to it that one instance of all notices and tells, and that there is always one. */
@Injectable()
export class CrewOwner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(CrewOwner.name);
  private readonly stopping = new AbortController();
  private readonly panel: Panel | null;
  private running: Promise<void> = Promise.resolve();
  private counts: { readonly waiting: number; readonly dead: number } | null = null;
  private owns = false;
  /** Said once, not with every try. */
  private isFailing = false;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly link: DatabaseLink,
    private readonly leases: Leases,
    private readonly states: CrewStatesRepository,
    private readonly events: CrewEventsRepository,
    private readonly surroundings: CrewSurroundings,
    private readonly log: PositionLog,
    private readonly cursors: CursorsRepository,
    private readonly metrics: CrewMetrics,
    private readonly clock: Clock,
  ) {
    const { panel } = settings.crewEvents;
    this.panel = panel.url === null ? null : new Panel(panel.url, panel);
    metrics.watch(
      () => this.owns,
      () => this.counts,
    );
  }

  get isOwner(): boolean {
    return this.owns;
  }

  onApplicationBootstrap(): void {
    if (!this.panel)
      this.logger.log(
        'PANEL_NOTIFICATION_URL is not set: events for crews are kept and shown, nothing is sent',
      );
    this.running = this.link.whenStarted().then(() => this.run());
  }

  /** What is under way is brought to its end, if it can within a moment; the rest is for the next owner. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await Promise.race([this.running, sleep(LAST_WRITES_MS, undefined, { ref: false })]);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted && this.link.hasStarted) {
      try {
        const held = await this.leases.acquire(LEASE, LEASE_MS, DEAF_AFTER_MS);
        if (held) await this.own(held);
      } catch (error) {
        if (!this.isFailing)
          this.logger.warn({ err: error }, 'events for crews are not noticed just now; trying again');
        this.isFailing = true;
      }
      // Not all at the same moment.
      const pauseMs = LOOK_AGAIN_MS * (0.75 + Math.random() / 2);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Until the service stops. @throws when the lease is lost, or storage fails */
  private async own(held: HeldLease): Promise<void> {
    const { lease } = held;
    const { log, cursors, clock } = this;
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, lease.signal, this.stopping.signal]);
    try {
      const watch = this.watchUnder(held);
      await watch.begin();
      this.owns = true;
      this.isFailing = false;
      this.logger.log({ epoch: lease.epoch }, 'this instance notices events for crews now');
      const work = [
        new CrewFollower(lease, watch, { log, cursors, clock }).run(signal),
        this.sendUnder(held, signal),
        this.countUntil(signal),
      ].map((each) => each.finally(() => end.abort()));
      const ends = await Promise.allSettled(work);
      for (const each of ends) if (each.status === 'rejected') throw each.reason;
      lease.assertHeld();
      await watch.save(true);
    } finally {
      this.owns = false;
      this.counts = null;
      await lease.release();
    }
  }

  private watchUnder(held: HeldLease): CrewWatch {
    return new CrewWatch(held, {
      states: this.states,
      events: this.events,
      surroundings: this.surroundings,
      clock: this.clock,
      settings: this.settings.crewEvents,
      onEvent: ({ id, type, vehicleId }) => {
        this.metrics.recorded(type);
        this.logger.debug({ id, type, vehicleId }, 'noticed for crews');
      },
    });
  }

  private async sendUnder({ lease }: HeldLease, signal: AbortSignal): Promise<void> {
    const { events, panel, metrics, clock } = this;
    if (!panel) return untilAborted(signal);
    const { timeoutMs } = this.settings.crewEvents.panel;
    await new PanelSender(lease, { events, panel, metrics, clock, timeoutMs }).run(signal);
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
      this.events.countUpTo(MOST_COUNTED, 'waiting'),
      this.events.countUpTo(MOST_COUNTED, 'dead'),
    ]);
    return { waiting, dead };
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackgroundJobs, type HeldLock, LagMonitor } from '../core/index.js';
import { DatabaseConnection } from '../database/index.js';
import { CrewEventDetector } from './crew-event-detector.js';
import { CrewEventMetrics } from './crew-event-metrics.js';
import { CrewEventsRepository } from './crew-events.repository.js';
import { CrewPositionReader } from './crew-position-reader.js';
import { PanelNotificationSender } from './panel-notification-sender.js';

/**
 * After a longer gap between two leaders, silence before the new leader does not count as offline: no instance was reading
 * positions.
 */
const MAX_GAP_MS = 15_000;
const ACQUIRE_INTERVAL_MS = 1_000;
const COUNT_EVERY_MS = 10_000;
const MAX_COUNTED = 10_000;

/** Runs crew event detection and panel notifications on one instance at a time. */
@Injectable()
export class CrewEventLeader implements OnApplicationBootstrap {
  private readonly logger = new Logger(CrewEventLeader.name);
  private counts: { readonly waiting: number; readonly dead: number } | null = null;
  private nextCountMs = 0;
  private leads = false;

  constructor(
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly detector: CrewEventDetector,
    private readonly reader: CrewPositionReader,
    private readonly sender: PanelNotificationSender,
    private readonly events: CrewEventsRepository,
    metrics: CrewEventMetrics,
    lagMonitor: LagMonitor,
  ) {
    metrics.observe(
      () => this.leads,
      () => sender.isStopped,
      () => this.counts,
    );
    if (!sender.hasPanel) return;
    lagMonitor.add({
      name: 'notifications',
      // The panel's faults must not make an instance degraded.
      isInformative: true,
      get lagMs() {
        return sender.lagMs;
      },
      get detail() {
        return { stopped: sender.isStopped };
      },
    });
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'crew-events',
      intervalMs: ACQUIRE_INTERVAL_MS,
      jitter: 0.25,
      runsAtStart: true,
      startsAfter: () => this.database.whenStarted(),
      lock: { maxGapMs: MAX_GAP_MS },
      run: (signal, lock) => this.lead(signal, lock as HeldLock),
    });
  }

  /** Resolves at shutdown. @throws when the lock is lost or storage fails; the next leader repeats the work then */
  private async lead(stopped: AbortSignal, lock: HeldLock): Promise<void> {
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, stopped]);
    try {
      await this.detector.takeOver(lock);
      this.reader.restart();
      this.sender.restart();
      this.nextCountMs = 0;
      this.leads = true;
      this.logger.log({ epoch: lock.epoch }, 'crew event leadership started');
      const loops = [
        repeat(signal, async () => {
          await this.count();
          await this.reader.pollAndPause(lock, signal);
        }),
        repeat(signal, async () => {
          const pauseMs = await this.sender.sendDue(lock, signal);
          await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
        }),
      ].map((loop) => loop.finally(() => end.abort()));
      for (const each of await Promise.allSettled(loops)) if (each.status === 'rejected') throw each.reason;
      lock.assertHeld();
      await this.detector.save(true);
    } finally {
      if (this.leads) this.logger.log({ epoch: lock.epoch }, 'crew event leadership ended');
      this.leads = false;
      this.reader.restart();
      this.sender.restart();
      this.counts = null;
    }
  }

  /** A failure leaves the gauge empty and does not end the leadership. */
  private async count(): Promise<void> {
    if (performance.now() < this.nextCountMs) return;
    this.nextCountMs = performance.now() + COUNT_EVERY_MS;
    this.counts = await Promise.all([
      this.events.countUpTo(MAX_COUNTED, 'waiting'),
      this.events.countUpTo(MAX_COUNTED, 'dead'),
    ]).then(
      ([waiting, dead]) => ({ waiting, dead }),
      () => null,
    );
  }
}

/** Calls `step`, which ends with the pause before the next call, until the signal aborts. */
async function repeat(signal: AbortSignal, step: () => Promise<void>): Promise<void> {
  while (!signal.aborted) await step();
}

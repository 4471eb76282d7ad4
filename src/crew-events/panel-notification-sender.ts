import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/index.js';
import type { DatabaseLock } from '../database/index.js';
import type { CrewEventsRepository, Notification } from './crew-events.repository.js';
import type { CrewEventMetrics } from './crew-event-metrics.js';
import type { PanelNotificationClient } from './panel-notification-client.js';
import { claimAttempt, dueNotifications, outcome } from './notification-schedule.js';

const POLL_INTERVAL_MS = 500;
const MAX_CONCURRENT = 8;
/** Looked through at a time; those behind them wait until some of these are through. */
const MAX_WAITING_READ = 1_000;

export interface PanelNotificationSenderDependencies {
  readonly events: CrewEventsRepository;
  readonly panel: PanelNotificationClient;
  readonly timeoutMs: number;
  readonly metrics: CrewEventMetrics;
  readonly clock: Clock;
}

/** Tells the panel what waits in storage, as long as this instance is the owner. */
export class PanelNotificationSender {
  private readonly logger = new Logger(PanelNotificationSender.name);
  private isRefused = false;

  constructor(
    private readonly lease: DatabaseLock,
    private readonly parts: PanelNotificationSenderDependencies,
  ) {}

  /** Until the signal. @throws storage's errors */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { events, clock } = this.parts;
      const due = dueNotifications(await events.list('waiting', null, MAX_WAITING_READ), clock.nowMs());
      for (let start = 0; start < due.length && !signal.aborted; start += MAX_CONCURRENT)
        await Promise.all(due.slice(start, start + MAX_CONCURRENT).map((each) => this.send(each)));
      // Behind the first of a vehicle may wait a second one.
      if (due.length === 0) await sleep(POLL_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async send(waiting: Notification): Promise<void> {
    const { events, panel, metrics, clock, timeoutMs } = this.parts;
    this.lease.assertHeld();
    const claimed = claimAttempt(waiting, clock.nowMs(), timeoutMs);
    // Another owner has it by now, or an operator.
    if (!(await events.change(waiting, claimed))) return;
    const notification = { ...waiting, ...claimed };
    const failure = await panel.deliver(notification);
    const change = outcome(notification, failure, clock.nowMs());
    await events.change(notification, change);
    if (failure !== null) metrics.attempted(change.sendState === 'dead' ? 'dead' : 'failed');
    else metrics.attempted('sent');
    this.logOutcome(notification, failure, change.sendState === 'dead');
  }

  /** Once when it begins and once when it is over; and each that is given up. */
  private logOutcome({ id, attempts }: Notification, failure: string | null, isDead: boolean): void {
    if (isDead) this.logger.error({ id, attempts, failure }, 'the panel was not told of an event: given up');
    if (failure !== null && !this.isRefused)
      this.logger.warn({ failure }, 'the panel does not take notifications; trying again');
    if (failure === null && this.isRefused) this.logger.log('the panel takes notifications again');
    this.isRefused = failure !== null;
  }
}

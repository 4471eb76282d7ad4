import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../common/index.js';
import type { Lease } from '../../database/index.js';
import type { CrewEventsRepository, Notification } from './crew-events.repository.js';
import type { CrewMetrics } from './crew-metrics.js';
import type { Panel } from './panel.js';
import { claim, dueOf, outcome } from './send-plan.js';

const LOOK_EVERY_MS = 500;
const AT_ONCE = 8;
/** Looked through at a time; those behind them wait until some of these are through. */
const MOST_LOOKED_AT = 1_000;

export interface PanelSenderParts {
  readonly events: CrewEventsRepository;
  readonly panel: Panel;
  readonly timeoutMs: number;
  readonly metrics: CrewMetrics;
  readonly clock: Clock;
}

/** Tells the panel what waits in storage, as long as this instance is the owner. */
export class PanelSender {
  private readonly logger = new Logger(PanelSender.name);
  private isRefused = false;

  constructor(
    private readonly lease: Lease,
    private readonly parts: PanelSenderParts,
  ) {}

  /** Until the signal. @throws storage's errors */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { events, clock } = this.parts;
      const due = dueOf(await events.list('waiting', null, MOST_LOOKED_AT), clock.nowMs());
      for (let start = 0; start < due.length && !signal.aborted; start += AT_ONCE)
        await Promise.all(due.slice(start, start + AT_ONCE).map((each) => this.send(each)));
      // Behind the first of a vehicle may wait a second one.
      if (due.length === 0) await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async send(waiting: Notification): Promise<void> {
    const { events, panel, metrics, clock, timeoutMs } = this.parts;
    this.lease.assertHeld();
    const claimed = claim(waiting, clock.nowMs(), timeoutMs);
    // Another owner has it by now, or an operator.
    if (!(await events.change(waiting, claimed))) return;
    const notification = { ...waiting, ...claimed };
    const failure = await panel.tell(notification);
    const change = outcome(notification, failure, clock.nowMs());
    await events.change(notification, change);
    if (failure !== null) metrics.attempted(change.sendState === 'dead' ? 'dead' : 'failed');
    else metrics.attempted('sent');
    this.say(notification, failure, change.sendState === 'dead');
  }

  /** Once when it begins and once when it is over; and each that is given up. */
  private say({ id, attempts }: Notification, failure: string | null, isDead: boolean): void {
    if (isDead) this.logger.error({ id, attempts, failure }, 'the panel was not told of an event: given up');
    if (failure !== null && !this.isRefused)
      this.logger.warn({ failure }, 'the panel does not take notifications; trying again');
    if (failure === null && this.isRefused) this.logger.log('the panel takes notifications again');
    this.isRefused = failure !== null;
  }
}

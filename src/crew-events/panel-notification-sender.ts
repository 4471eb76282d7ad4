import { Inject, Injectable, Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import { SETTINGS, type Settings } from '../config/index.js';
import { Clock, type HeldLock } from '../core/index.js';
import { CrewEventMetrics } from './crew-event-metrics.js';
import { CrewEventsRepository, type Notification, type SendChange } from './crew-events.repository.js';
import { PanelNotificationClient } from './panel-notification-client.js';

const POLL_INTERVAL_MS = 500;
const MAX_CONCURRENT = 8;
/** Waiting notifications that one poll reads. The ones behind them wait for a later poll. */
const MAX_WAITING_READ = 1_000;
const MIN_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 300_000;

/** Sends waiting notifications to the panel. Only the leader may use it. */
@Injectable()
export class PanelNotificationSender {
  private readonly logger = new Logger(PanelNotificationSender.name);
  private readonly timeoutMs: number;
  private readonly panel: PanelNotificationClient | null;
  private isRefused = false;

  constructor(
    @Inject(SETTINGS) { crewEvents: { panel } }: Settings,
    private readonly events: CrewEventsRepository,
    private readonly metrics: CrewEventMetrics,
    private readonly clock: Clock,
  ) {
    this.timeoutMs = panel.timeoutMs;
    this.panel = panel.url === null ? null : new PanelNotificationClient(panel.url, panel);
    if (!this.panel)
      this.logger.log('PANEL_NOTIFICATION_URL is not set: crew events are stored and shown, but not sent');
  }

  /** @returns the pause before the next call, milliseconds. @throws storage's errors, or that the lock is lost */
  async sendDue(lock: HeldLock, signal: AbortSignal): Promise<number> {
    const { panel } = this;
    if (!panel) return POLL_INTERVAL_MS;
    const waiting = await this.events.list('waiting', null, MAX_WAITING_READ);
    const due = dueNotifications(waiting, this.clock.nowMs());
    const limit = pLimit(MAX_CONCURRENT);
    await Promise.all(
      due.map((each) => limit(async () => (signal.aborted ? undefined : this.send(each, panel, lock)))),
    );
    // A second notification of the same vehicle may be due now.
    return due.length === 0 ? POLL_INTERVAL_MS : 0;
  }

  private async send(waiting: Notification, panel: PanelNotificationClient, lock: HeldLock): Promise<void> {
    lock.assertHeld();
    const claimed = claimAttempt(waiting, this.clock.nowMs(), this.timeoutMs);
    // False when another leader or an operator has changed it.
    if (!(await this.events.change(waiting, claimed))) return;
    const notification = { ...waiting, ...claimed };
    const failure = await panel.deliver(notification);
    const change = outcome(notification, failure, this.clock.nowMs());
    await this.events.change(notification, change);
    const isDead = change.sendState === 'dead';
    this.metrics.attempted(failure === null ? 'sent' : isDead ? 'dead' : 'failed');
    this.logOutcome(notification, failure, isDead);
  }

  /** One line at the first failure, one at the first success after it, and one for each notification given up. */
  private logOutcome({ id, attempts }: Notification, failure: string | null, isDead: boolean): void {
    if (isDead) this.logger.error({ id, attempts, failure }, 'panel notification given up');
    if (failure !== null && !this.isRefused)
      this.logger.warn({ failure }, 'panel does not accept notifications; retrying');
    if (failure === null && this.isRefused) this.logger.log('panel accepts notifications again');
    this.isRefused = failure !== null;
  }
}

/** Pause after this many attempts, milliseconds: 1 s, doubled each time, at most 300 s. */
export function backoffMs(attempts: number): number {
  return Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** Math.max(0, attempts - 1));
}

/**
 * The notifications to send now. Only the oldest of each vehicle can be due, so that a panel never gets "below" before
 * "above".
 * @param waiting in the order of recording
 */
export function dueNotifications(waiting: readonly Notification[], nowMs: number): Notification[] {
  const firsts = new Map<string, Notification>();
  for (const each of waiting) if (!firsts.has(each.vehicleId)) firsts.set(each.vehicleId, each);
  return [...firsts.values()].filter(({ nextAttemptAt }) => nextAttemptAt.getTime() <= nowMs);
}

/**
 * The change to write before an attempt. When the process ends during the attempt, the next leader waits until the
 * attempt must be over.
 */
export function claimAttempt(
  { attempts }: Notification,
  nowMs: number,
  timeoutMs: number,
): Required<Pick<SendChange, 'attempts' | 'nextAttemptAt'>> {
  const next = attempts + 1;
  return { attempts: next, nextAttemptAt: new Date(nowMs + timeoutMs + backoffMs(next)) };
}

/** The change to write after an attempt. @param failure null: the panel has accepted the notification */
export function outcome(
  { attempts, giveUpAt }: Notification,
  failure: string | null,
  nowMs: number,
): SendChange {
  if (failure === null) return { sendState: 'sent', sentAt: new Date(nowMs), failure: null };
  if (nowMs >= giveUpAt.getTime()) return { sendState: 'dead', failure };
  return { failure, nextAttemptAt: new Date(nowMs + backoffMs(attempts)) };
}

import { Inject, Injectable, Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import { SETTINGS, type Settings } from '../config/index.js';
import { Clock, type HeldLock } from '../core/index.js';
import { CrewEventMetrics } from './crew-event-metrics.js';
import { CrewEventsRepository, type Notification, type SendChange } from './crew-events.repository.js';
import { DispatchSystem } from './dispatch-system.js';
import { PanelCircuitBreaker } from './panel-circuit-breaker.js';
import { type Delivery, PanelNotificationClient } from './panel-notification-client.js';

const POLL_INTERVAL_MS = 500;
/** Waiting notifications that one poll reads. The ones behind them wait for a later poll. */
const MAX_WAITING_READ = 1_000;
const MIN_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 300_000;
/** Attempts of one notification that may end the panel's process. The old server made one. */
const MAX_CLOSURES = 2;

/** Sends waiting notifications to the panel. Only the leader may use it. */
@Injectable()
export class PanelNotificationSender {
  private readonly logger = new Logger(PanelNotificationSender.name);
  private readonly timeoutMs: number;
  private readonly panel: PanelNotificationClient | null;
  private breaker = new PanelCircuitBreaker();
  private isRefused = false;
  private oldestWaitingAt: Date | null = null;

  constructor(
    @Inject(SETTINGS) { crewEvents: { panel } }: Settings,
    private readonly events: CrewEventsRepository,
    private readonly dispatchSystem: DispatchSystem,
    private readonly metrics: CrewEventMetrics,
    private readonly clock: Clock,
  ) {
    this.timeoutMs = panel.timeoutMs;
    this.panel = panel.url === null ? null : new PanelNotificationClient(panel.url, panel.timeoutMs);
    if (!this.panel)
      this.logger.log('PANEL_NOTIFICATION_URL is not set: crew events are stored and shown, but not sent');
  }

  /** False: notifications are stored and shown, but not sent. */
  get hasPanel(): boolean {
    return this.panel !== null;
  }

  /** Sending is stopped because the panel closed connections without an answer. */
  get isStopped(): boolean {
    return this.breaker.isStopped;
  }

  /** Age of the oldest waiting notification at the last poll, milliseconds; 0 without one. */
  get lagMs(): number {
    return this.oldestWaitingAt ? Math.max(0, this.clock.nowMs() - this.oldestWaitingAt.getTime()) : 0;
  }

  /** Forgets what an earlier leadership of this instance has learnt of the panel. */
  restart(): void {
    this.breaker = new PanelCircuitBreaker();
    this.isRefused = false;
    this.oldestWaitingAt = null;
  }

  /** @returns the pause before the next call, milliseconds. @throws storage's errors, or that the lock is lost */
  async sendDue(lock: HeldLock, signal: AbortSignal): Promise<number> {
    const { panel } = this;
    // What waits may be sent when the old server has ended again.
    if (!this.dispatchSystem.isNotifier) this.oldestWaitingAt = null;
    if (!panel || !this.dispatchSystem.isNotifier) return POLL_INTERVAL_MS;
    const waiting = await this.events.list('waiting', null, MAX_WAITING_READ);
    this.oldestWaitingAt = waiting[0]?.recordedAt ?? null;
    const limit = this.breaker.limit(performance.now());
    const due = chooseDue(dueNotifications(waiting, this.clock.nowMs()), limit);
    if (due.length === 0) return POLL_INTERVAL_MS;
    const slots = pLimit(limit);
    const send = async (each: Notification): Promise<void> => {
      // After a closed connection the rest of the group waits for the next poll.
      const isAllowed = limit === 1 || this.breaker.hasAnswered;
      if (isAllowed && this.dispatchSystem.isNotifier && !signal.aborted) await this.send(each, panel, lock);
    };
    await Promise.all(due.map((each) => slots(() => send(each))));
    // A second notification of the same vehicle may be due now.
    return 0;
  }

  private async send(waiting: Notification, panel: PanelNotificationClient, lock: HeldLock): Promise<void> {
    lock.assertHeld();
    if (!(await this.dispatchSystem.hasAmbulance(waiting.ambulanceId))) {
      await this.events.change(waiting, { sendState: 'kept', failure: 'not in ambulances' });
      return this.metrics.attempted('not_in_ambulances');
    }
    if (this.clock.nowMs() >= waiting.giveUpAt.getTime()) {
      const failure = waiting.failure ?? 'not sent in time';
      await this.events.change(waiting, { sendState: 'dead', failure });
      this.metrics.attempted('dead');
      return this.logger.error({ id: waiting.id, failure }, 'panel notification given up');
    }
    const claimed = claimAttempt(waiting, this.clock.nowMs(), this.timeoutMs);
    // False when another leader or an operator has changed it.
    if (!(await this.events.change(waiting, claimed))) return;
    const notification = { ...waiting, ...claimed };
    const hadAnswered = this.breaker.hasAnswered;
    const beganMs = performance.now();
    const delivery = await panel.deliver(notification);
    this.recordEnding(delivery, beganMs);
    const change = outcome(notification, delivery, hadAnswered, this.clock.nowMs());
    await this.events.change(notification, change);
    const isDead = change.sendState === 'dead';
    const { failure } = delivery;
    this.metrics.attempted(failure === null ? 'sent' : isDead ? 'dead' : 'failed');
    this.logOutcome(notification, failure, isDead);
  }

  private recordEnding({ ending }: Delivery, beganMs: number): void {
    const wasStopped = this.breaker.isStopped;
    this.breaker.record(ending, beganMs, performance.now());
    const { isStopped, pauseMs } = this.breaker;
    if (isStopped && ending === 'closed')
      this.logger.error(
        { pauseS: pauseMs / 1_000 },
        'panel notifications stopped: the panel closes connections without an answer; one is tried after the pause',
      );
    if (wasStopped && !isStopped) this.logger.log('panel notifications resumed: the panel answers');
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
 * Of the due notifications, those that may be sent now. A single one is the one with the fewest attempts, so that one that
 * ends the panel's process does not keep the others waiting.
 * @param limit see `PanelCircuitBreaker.limit`
 */
export function chooseDue(due: readonly Notification[], limit: number): readonly Notification[] {
  if (limit === 0) return [];
  return limit > 1 ? due : [...due].sort((one, other) => one.attempts - other.attempts).slice(0, 1);
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

/**
 * The change to write after an attempt. A notification that may have ended the panel's process twice is dead: its next
 * attempt would do the same. A proxy answers 502 for a panel that is down, too, so its 502 counts only after an answer.
 * @param hadAnswered the panel had answered the attempt before
 */
export function outcome(
  { attempts, closures, giveUpAt }: Pick<Notification, 'attempts' | 'closures' | 'giveUpAt'>,
  { failure, ending, isByProxy }: Delivery,
  hadAnswered: boolean,
  nowMs: number,
): SendChange {
  if (failure === null) return { sendState: 'sent', sentAt: new Date(nowMs), failure: null };
  const isClosure = ending === 'closed' && (!isByProxy || hadAnswered);
  const counted = { failure, closures: closures + (isClosure ? 1 : 0) };
  const isDead = nowMs >= giveUpAt.getTime() || (isClosure && counted.closures >= MAX_CLOSURES);
  if (isDead) return { sendState: 'dead', ...counted };
  return { ...counted, nextAttemptAt: new Date(nowMs + backoffMs(attempts)) };
}

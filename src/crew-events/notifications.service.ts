import { Inject, Injectable } from '@nestjs/common';
import { DomainError, keyOfCursor, type Page, pageBy } from '../core/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { DatabaseTime } from '../database/index.js';
import type { SendState } from './crew-event.schema.js';
import { CrewEventsRepository, type EventCursor, type Notification } from './crew-events.repository.js';

/** A notification as the API shows it. */
export interface NotificationView extends Pick<
  Notification,
  | 'id'
  | 'vehicleId'
  | 'type'
  | 'at'
  | 'recordedAt'
  | 'late'
  | 'ambulanceId'
  | 'requestId'
  | 'attempts'
  | 'nextAttemptAt'
  | 'failure'
  | 'sentAt'
> {
  readonly state: SendState;
}

/** Lists panel notifications and retries the ones that were given up. */
@Injectable()
export class NotificationsService {
  constructor(
    private readonly events: CrewEventsRepository,
    private readonly time: DatabaseTime,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** In the order of recording. @throws input/invalid for a malformed cursor */
  async list(state: SendState, limit: number, cursor: string | undefined): Promise<Page<NotificationView>> {
    const key = keyOfCursor(cursor, /^\d{1,15} [\w.]{1,150}$/);
    const found = await this.events.list(state, key === null ? null : cursorOf(key), limit + 1);
    const { items, nextCursor } = pageBy(
      found,
      limit,
      ({ recordedAt, id }) => `${recordedAt.getTime()} ${id}`,
    );
    return { items: items.map(toView), nextCursor };
  }

  /**
   * Makes a dead notification wait again. The leader sends it with its next poll and retries it like a new one.
   * @throws notifications/not-found, notifications/not-dead
   */
  async retry(id: string): Promise<NotificationView> {
    const found = await this.events.find(id);
    if (!found) throw new DomainError('notifications/not-found', 'There is no such notification.');
    if (found.sendState !== 'dead') throw notDead();
    const now = await this.time.read();
    const giveUpAt = new Date(now.getTime() + this.settings.crewEvents.panel.giveUpAfterS * 1_000);
    const change = { sendState: 'waiting' as const, attempts: 0, closures: 0, nextAttemptAt: now, giveUpAt };
    if (!(await this.events.change(found, change))) throw notDead();
    return toView({ ...found, ...change });
  }
}

function cursorOf(key: string): EventCursor {
  const [ms = '', id = ''] = key.split(' ');
  return { recordedAt: new Date(Number(ms)), id };
}

function toView(notification: Notification): NotificationView {
  const { id, vehicleId, type, at, recordedAt, ambulanceId, requestId, sendState: state } = notification;
  const { attempts, nextAttemptAt, failure, sentAt, late } = notification;
  const what = { id, vehicleId, type, at, recordedAt, late, ambulanceId, requestId };
  return { ...what, state, attempts, nextAttemptAt, failure, sentAt };
}

function notDead(): DomainError {
  return new DomainError(
    'notifications/not-dead',
    'Only a notification in state "dead" can be retried; this one is sent, waiting or kept.',
  );
}

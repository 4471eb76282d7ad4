import { Injectable } from '@nestjs/common';
import { Metrics } from '../core/index.js';
import { CREW_EVENT_TYPES, type CrewEventType } from '../gateway/index.js';

export type SendOutcome = 'sent' | 'failed' | 'dead';
const OUTCOMES: readonly SendOutcome[] = ['sent', 'failed', 'dead'];

/** What crews are told, and whether the panel takes it. */
@Injectable()
export class CrewEventMetrics {
  private readonly events;
  private readonly notifications;

  constructor(private readonly metrics: Metrics) {
    this.events = metrics.counter({
      name: 'samserver_crew_events_total',
      help: 'Events for crews that this instance has recorded: online, offline, speed, near arrival.',
      labelNames: ['type'],
    });
    for (const type of CREW_EVENT_TYPES) this.events.inc({ type }, 0);
    this.notifications = metrics.counter({
      name: 'samserver_panel_notifications_total',
      help: 'Attempts to tell the panel of an event: it has taken it, it has not, or it was given up with this one.',
      labelNames: ['outcome'],
    });
    for (const each of OUTCOMES) this.notifications.inc({ outcome: each }, 0);
  }

  recorded(type: CrewEventType): void {
    this.events.inc({ type });
  }

  attempted(outcome: SendOutcome): void {
    this.notifications.inc({ outcome });
  }

  /** @param counts null: it is another instance that knows */
  watch(
    isLeader: () => boolean,
    counts: () => { readonly waiting: number; readonly dead: number } | null,
  ): void {
    this.metrics.gauge({
      name: 'samserver_crew_events_owner',
      help: '1 on the one instance that notices events for crews and tells the panel.',
      collect: (gauge) => gauge.set(isLeader() ? 1 : 0),
    });
    this.metrics.gauge({
      name: 'samserver_panel_notifications',
      help: 'Notifications of the panel that wait, or were given up; only the owner shows them, at most 10,000.',
      labelNames: ['state'],
      collect: (gauge) => {
        for (const [state, count] of Object.entries(counts() ?? {})) gauge.set({ state: state }, count);
      },
    });
  }
}

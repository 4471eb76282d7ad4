import { Injectable } from '@nestjs/common';
import { Metrics } from '../core/index.js';
import { CREW_EVENT_TYPES, type CrewEventType } from './crew-event.js';

const OUTCOMES = ['sent', 'failed', 'dead', 'not_in_ambulances'] as const;
type SendOutcome = (typeof OUTCOMES)[number];

/** Metrics of crew events and panel notifications. */
@Injectable()
export class CrewEventMetrics {
  private readonly events;
  private readonly notifications;

  constructor(private readonly metrics: Metrics) {
    this.events = metrics.counter({
      name: 'samserver_crew_events_total',
      help: 'Crew events that this instance has recorded, by type.',
      labelNames: ['type'],
    });
    for (const type of CREW_EVENT_TYPES) this.events.inc({ type }, 0);
    this.notifications = metrics.counter({
      name: 'samserver_panel_notifications_total',
      help: 'Attempts to send a notification to the panel: sent, failed (retried later), dead (given up); not_in_ambulances: not sent.',
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

  /** @param counts null: this instance is not the leader */
  observe(
    isLeader: () => boolean,
    isStopped: () => boolean,
    counts: () => { readonly waiting: number; readonly dead: number } | null,
  ): void {
    this.metrics.gauge({
      name: 'samserver_crew_events_owner',
      help: '1 on the instance that detects crew events and sends panel notifications, 0 on the others.',
      collect: (gauge) => gauge.set(isLeader() ? 1 : 0),
    });
    this.metrics.gauge({
      name: 'samserver_panel_notifications_stopped',
      help: '1 on the leader while no notification is sent because the panel closes connections without an answer, else 0.',
      collect: (gauge) => gauge.set(isStopped() ? 1 : 0),
    });
    this.metrics.gauge({
      name: 'samserver_panel_notifications',
      help: 'Panel notifications that wait or were given up; at most 10,000, and only on the leader.',
      labelNames: ['state'],
      collect: (gauge) => {
        for (const [state, count] of Object.entries(counts() ?? {})) gauge.set({ state: state }, count);
      },
    });
  }
}

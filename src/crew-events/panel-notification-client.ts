import type { CrewEventSettings } from '../config/index.js';
import { PANEL_NOTIFICATION_TYPES } from './crew-event.js';
import type { Notification } from './crew-events.repository.js';

interface PanelNotificationBody {
  readonly aoc_request_id: string | null;
  readonly ambulance_id: string;
  readonly notification_type: string | null;
}

/** HTTP client of the panel's notification route. */
export class PanelNotificationClient {
  constructor(
    private readonly url: string,
    private readonly settings: CrewEventSettings['panel'],
  ) {}

  bodyOf({
    type,
    requestId,
    ambulanceId,
  }: Pick<Notification, 'type' | 'requestId' | 'ambulanceId'>): PanelNotificationBody {
    return {
      aoc_request_id: requestId,
      ambulance_id: ambulanceId,
      notification_type:
        type === 'near_arrival' ? this.settings.nearArrivalType : PANEL_NOTIFICATION_TYPES[type],
    };
  }

  /** @returns null when the panel has accepted it, otherwise the reason as text. Never throws */
  async deliver(notification: Notification): Promise<string | null> {
    try {
      const answer = await fetch(this.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          // A notification is sent twice when the process ends during an attempt; the key identifies the repeat.
          'idempotency-key': notification.id,
        },
        body: JSON.stringify(this.bodyOf(notification)),
        redirect: 'error',
        signal: AbortSignal.timeout(this.settings.timeoutMs),
      });
      // Frees the connection; the body is not needed.
      await answer.body?.cancel();
      return answer.ok ? null : `answered ${answer.status}`;
    } catch (error) {
      const { name, cause } = error as Error & { readonly cause?: { readonly code?: unknown } };
      if (name === 'TimeoutError') return `no answer in ${this.settings.timeoutMs} ms`;
      return `not reached: ${typeof cause?.code === 'string' ? cause.code : name}`;
    }
  }
}

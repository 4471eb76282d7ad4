import { PANEL_NOTIFICATION_TYPES } from './crew-event.js';
import type { Notification } from './crew-events.repository.js';
import type { AttemptEnding } from './panel-circuit-breaker.js';

interface PanelNotificationBody {
  /** "" without a request. */
  readonly aoc_request_id: string;
  readonly ambulance_id: string;
  readonly notification_type: string | null;
}

export interface Delivery {
  /** null: the panel has accepted the notification. */
  readonly failure: string | null;
  readonly ending: AttemptEnding;
  /** A proxy answered 502: the panel has closed the connection or is down. */
  readonly isByProxy: boolean;
}

/** The connection was closed after it was made: by undici, by the system on a read, and on a write. */
const CLOSED_CODES: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
const BAD_GATEWAY = 502;

export function bodyOf({
  type,
  requestId,
  ambulanceId,
}: Pick<Notification, 'type' | 'requestId' | 'ambulanceId'>): PanelNotificationBody {
  return {
    aoc_request_id: requestId ?? '',
    ambulance_id: ambulanceId,
    notification_type: PANEL_NOTIFICATION_TYPES[type],
  };
}

/** HTTP client of the panel's notification route. */
export class PanelNotificationClient {
  constructor(
    private readonly url: string,
    private readonly timeoutMs: number,
  ) {}

  /** Never throws. */
  async deliver(notification: Notification): Promise<Delivery> {
    try {
      const answer = await fetch(this.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          // A notification is sent twice when the process ends during an attempt; the key identifies the repeat.
          'idempotency-key': notification.id,
          // An idle connection that the panel closes would look like a process that has ended.
          connection: 'close',
        },
        body: JSON.stringify(bodyOf(notification)),
        redirect: 'error',
        signal: AbortSignal.timeout(this.timeoutMs),
      });
      // The body is not needed, and the real one is large.
      await answer.body?.cancel();
      const isByProxy = answer.status === BAD_GATEWAY;
      const failure = answer.ok ? null : `answered ${answer.status}`;
      return { failure, ending: isByProxy ? 'closed' : 'answered', isByProxy };
    } catch (error) {
      const { name, cause } = error as Error & { readonly cause?: { readonly code?: unknown } };
      const unanswered = { ending: 'unanswered', isByProxy: false } as const;
      if (name === 'TimeoutError') return { failure: `no answer in ${this.timeoutMs} ms`, ...unanswered };
      const code = typeof cause?.code === 'string' ? cause.code : name;
      if (CLOSED_CODES.has(code))
        return { failure: `connection closed: ${code}`, ending: 'closed', isByProxy: false };
      return { failure: `not reached: ${code}`, ...unanswered };
    }
  }
}

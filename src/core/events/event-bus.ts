import { Injectable, Logger } from '@nestjs/common';

/**
 * Event name → payload. A feature adds its own events beside the code that publishes them:
 *
 *     declare module '../core/index.js' {
 *       interface EventMap {
 *         'vehicle.changed': VehicleChange;
 *       }
 *     }
 */
// Empty here on purpose: the core knows no feature.
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface EventMap {}

export type EventName = keyof EventMap;

export type EventListener<Name extends EventName> = (payload: EventMap[Name]) => void | Promise<void>;

type AnyListener = (payload: never) => void | Promise<void>;

/**
 * The one publish/subscribe mechanism of this process. An event is a fact in the past tense, published after it is
 * durable. Listeners are called in the order of subscription; one that fails is logged and disturbs neither the
 * publisher nor the other listeners.
 */
@Injectable()
export class EventBus {
  private readonly logger = new Logger(EventBus.name);
  private readonly listeners = new Map<string, Set<AnyListener>>();

  /** @returns how to unsubscribe; not needed by what lives as long as the application */
  subscribe<Name extends EventName>(event: Name, listener: EventListener<Name>): () => void {
    const listeners = this.listeners.get(event) ?? new Set<AnyListener>();
    this.listeners.set(event, listeners);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Every listener has been called when it returns; what a listener does asynchronously is not awaited. */
  publish<Name extends EventName>(event: Name, payload: EventMap[Name]): void {
    for (const listener of this.listeners.get(event) ?? []) {
      void this.call(event, listener, payload);
    }
  }

  /** For publishers whose answer must come after the effect, such as a revocation. Never rejects. */
  async publishAndWait<Name extends EventName>(event: Name, payload: EventMap[Name]): Promise<void> {
    const listeners = [...(this.listeners.get(event) ?? [])];
    await Promise.all(listeners.map(async (listener) => this.call(event, listener, payload)));
  }

  private call(event: string, listener: AnyListener, payload: unknown): Promise<void> | undefined {
    try {
      const result = listener(payload as never);
      return result?.catch((error: unknown) => this.logFailure(event, error));
    } catch (error) {
      this.logFailure(event, error);
      return undefined;
    }
  }

  private logFailure(event: string, error: unknown): void {
    this.logger.error({ err: error, event }, 'event listener failed');
  }
}

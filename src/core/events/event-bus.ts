import { Injectable, Logger } from '@nestjs/common';

/**
 * Event name → payload. A feature declares its own events beside the code that publishes them. The declaration must
 * name this file: TypeScript does not merge interfaces through a re-export.
 *
 *     declare module '../core/events/event-bus.js' {
 *       interface EventMap {
 *         'vehicle.changed': VehicleChange;
 *       }
 *     }
 */
// Empty here: core does not depend on features.
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface EventMap {}

type EventName = keyof EventMap;

type EventListener<Name extends EventName> = (payload: EventMap[Name]) => void | Promise<void>;

interface Subscription {
  readonly listener: (payload: never) => void | Promise<void>;
}

/**
 * The one publish/subscribe mechanism of this process. An event is a fact in the past tense, published after it is
 * durable. The bus calls listeners in the order of subscription. It logs the failure of a listener and calls the next
 * one; the publisher gets no error.
 */
@Injectable()
export class EventBus {
  private readonly logger = new Logger(EventBus.name);
  /** Replaced on every change, so that a listener can subscribe or unsubscribe while an event is published. */
  private readonly subscriptions = new Map<string, readonly Subscription[]>();

  /** @returns a function that unsubscribes; a listener that lives as long as the application does not need it */
  subscribe<Name extends EventName>(event: Name, listener: EventListener<Name>): () => void {
    const subscription: Subscription = { listener };
    this.subscriptions.set(event, [...this.subscriptionsOf(event), subscription]);
    return () => {
      const rest = this.subscriptionsOf(event).filter((each) => each !== subscription);
      this.subscriptions.set(event, rest);
    };
  }

  /** Calls every listener before it returns. Does not wait for asynchronous listeners. Never throws. */
  publish<Name extends EventName>(event: Name, payload: EventMap[Name]): void {
    for (const subscription of this.subscriptionsOf(event)) void this.call(event, subscription, payload);
  }

  /**
   * Calls every listener like `publish`. Resolves when every listener is done or has failed; there is no time limit.
   * Never rejects. Used when the answer must follow the effect, as at a revocation.
   */
  async publishAndWait<Name extends EventName>(event: Name, payload: EventMap[Name]): Promise<void> {
    await Promise.all(this.subscriptionsOf(event).map(async (each) => this.call(event, each, payload)));
  }

  private subscriptionsOf(event: string): readonly Subscription[] {
    return this.subscriptions.get(event) ?? [];
  }

  /** @returns the end of an asynchronous listener; undefined for a synchronous one */
  private call(event: string, { listener }: Subscription, payload: unknown): Promise<void> | undefined {
    try {
      const result = listener(payload as never);
      return result instanceof Promise ? result.catch((error) => this.logFailure(event, error)) : undefined;
    } catch (error) {
      this.logFailure(event, error);
      return undefined;
    }
  }

  private logFailure(event: string, error: unknown): void {
    this.logger.error({ err: error, event }, 'event listener failed');
  }
}

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

/** Which events a listener gets: of every instance, or only of this one, for work that one instance must do. */
type EventSource = 'every-instance' | 'this-instance';

interface Subscription {
  readonly source: EventSource;
  readonly listener: (payload: never) => void | Promise<void>;
}

/** A value after its way through JSON: a time is a text. */
export type JsonOf<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly JsonOf<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: JsonOf<T[Key]> }
      : T;

/** How a shared event travels to the other instances as JSON. Without functions the payload itself is the JSON value. */
interface SharedEvent<Payload> {
  readonly toJson?: (payload: Payload) => unknown;
  /** @returns null for an event that is out of date here; it is not published */
  readonly fromJson?: (value: never) => Payload | null;
}

/**
 * Carries shared events to the other instances (`cluster`). Called after the listeners of this instance have begun.
 * @returns when the event is on its way; never rejects
 */
export type EventForwarder = (event: string, value: unknown) => Promise<void>;

/**
 * The one publish/subscribe mechanism. An event is a fact in the past tense, published after it is durable. The bus calls
 * listeners in the order of subscription. It logs the failure of a listener and calls the next one; the publisher gets no
 * error. Shared events also reach the listeners of the other instances, when Redis is configured.
 */
@Injectable()
export class EventBus {
  private readonly logger = new Logger(EventBus.name);
  /** Replaced on every change, so that a listener can subscribe or unsubscribe while an event is published. */
  private readonly subscriptions = new Map<string, readonly Subscription[]>();
  private readonly shared = new Map<string, SharedEvent<never>>();
  private forwarder: EventForwarder | null = null;

  /** @returns a function that unsubscribes; a listener that lives as long as the application does not need it */
  subscribe<Name extends EventName>(
    event: Name,
    listener: EventListener<Name>,
    source: EventSource = 'every-instance',
  ): () => void {
    const subscription: Subscription = { listener, source };
    this.subscriptions.set(event, [...this.subscriptionsOf(event), subscription]);
    return () => {
      const rest = this.subscriptionsOf(event).filter((each) => each !== subscription);
      this.subscriptions.set(event, rest);
    };
  }

  /** Marks an event as shared: every instance gets it. Called once, by the feature that publishes it. */
  share<Name extends EventName>(event: Name, how: SharedEvent<EventMap[Name]> = {}): void {
    this.shared.set(event, how as unknown as SharedEvent<never>);
  }

  /** Calls every listener before it returns. Does not wait for asynchronous listeners. Never throws. */
  publish<Name extends EventName>(event: Name, payload: EventMap[Name]): void {
    for (const subscription of this.subscriptionsOf(event)) void this.call(event, subscription, payload);
    void this.forward(event, payload);
  }

  /**
   * Calls every listener like `publish`. Resolves when every listener of this instance is done or has failed, and a shared
   * event is on its way; there is no time limit. Never rejects. Used when the answer must follow the effect, as at a
   * revocation.
   */
  async publishAndWait<Name extends EventName>(event: Name, payload: EventMap[Name]): Promise<void> {
    const done = this.subscriptionsOf(event).map((each) => this.call(event, each, payload));
    await Promise.all([...done, this.forward(event, payload)]);
  }

  /** @param forwarder null: there are no other instances */
  forwardTo(forwarder: EventForwarder | null): void {
    this.forwarder = forwarder;
  }

  /** Publishes an event of another instance here. Ignores an event that this release does not share. */
  publishForwarded(event: string, value: unknown): void {
    const how = this.shared.get(event);
    if (!how) return;
    try {
      const payload: unknown = how.fromJson ? how.fromJson(value as never) : value;
      if (payload === null) return;
      for (const subscription of this.subscriptionsOf(event))
        if (subscription.source === 'every-instance') void this.call(event, subscription, payload);
    } catch (error) {
      this.logFailure(event, error);
    }
  }

  private forward(event: string, payload: unknown): Promise<void> | undefined {
    const how = this.forwarder && this.shared.get(event);
    if (!how) return undefined;
    return this.forwarder?.(event, how.toJson ? how.toJson(payload as never) : payload);
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

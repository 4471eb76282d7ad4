import type { ResyncNotice } from '../socket-events.js';
import type { FrameItem } from './frame-item.js';
import type { LiveEvent, LiveMessage } from './live-event.js';
import { LiveStream, type Subscriber } from './live-stream.js';
import type { Place, SubscriptionFilter } from './subscription-filter.js';

/**
 * The subscribers with equal filters. One stream selects for all of them, and a message is encoded once. A subscriber that
 * joins within a frame, or replays, has a stream of its own until the end of its first frame.
 */
export class LiveGroup<S extends Subscriber = Subscriber> implements Subscriber {
  /** Its members are checked one by one. */
  readonly isSlow = false;
  /** `performance.now()`. */
  lastFrameMs = -Infinity;
  private readonly stream: LiveStream<Subscriber>;
  private readonly members = new Map<string, S>();
  private readonly ownStreams = new Map<string, LiveStream<S>>();
  private positions: FrameItem[] = [];
  private events: LiveEvent[] = [];
  /** Vehicles that may have left the box. */
  private moved = new Set<string>();

  /** @param id the key of the filter */
  constructor(
    readonly id: string,
    readonly filter: SubscriptionFilter,
    private readonly replayLimit: number,
  ) {
    this.stream = new LiveStream(this, filter, { isReplaying: false, replayLimit });
  }

  get isEmpty(): boolean {
    return this.members.size === 0 && this.ownStreams.size === 0;
  }

  /** @param filter an equal filter with the vehicles of the snapshot inside, which must be that of this moment */
  join(subscriber: S, filter: SubscriptionFilter, isReplaying: boolean): LiveStream<S> {
    const earlier = { positions: this.positions.length, events: this.events.length };
    const stream = new LiveStream(subscriber, filter, {
      isReplaying,
      earlier,
      replayLimit: this.replayLimit,
    });
    this.ownStreams.set(subscriber.id, stream);
    return stream;
  }

  leave(subscriberId: string): void {
    this.members.delete(subscriberId);
    this.ownStreams.get(subscriberId)?.stop();
    this.ownStreams.delete(subscriberId);
  }

  /** @returns whether a frame must follow */
  addPosition(item: FrameItem): boolean {
    const { vehicleId, place } = item;
    const isWanted = this.filter.wants(vehicleId, place);
    if (isWanted) this.positions.push(item);
    else if (!this.filter.concerns(vehicleId)) return false;
    if (this.filter.box) this.moved.add(vehicleId);
    return true;
  }

  /** @returns whether a frame must follow */
  addEvent(event: LiveEvent): boolean {
    if (!this.filter.includesVehicle(event.vehicleId)) return false;
    this.events.push(event);
    return true;
  }

  /**
   * Sends one frame.
   * @param placeOf the current place of a vehicle; null when it has none
   * @returns the positions of the frame
   */
  flush(cursor: string, placeOf: (vehicleId: string) => Place | null): readonly FrameItem[] {
    this.lastFrameMs = performance.now();
    const { positions, events, moved } = this;
    this.positions = [];
    this.events = [];
    this.moved = new Set();
    this.endSlow();
    const streams = [this.stream, ...this.ownStreams.values()];
    const whole: LiveMessage = ['positions', { cursor, items: positions }];
    for (const stream of streams) {
      const items = stream.takePositions(positions);
      if (items.length > 0)
        stream.subscriber.send(items === positions ? whole : ['positions', { cursor, items }]);
    }
    for (const [index, event] of events.entries())
      for (const stream of streams)
        if (stream.takesEvent(event, index)) stream.subscriber.send(event.message);
    for (const stream of streams) stream.sendLeftNotices(moved, placeOf);
    this.settle();
    return positions;
  }

  /** Ends every stream with a notice. */
  end(reason: ResyncNotice['reason']): void {
    this.send(['resync', { reason }]);
    this.members.clear();
    for (const stream of this.ownStreams.values()) stream.end(reason);
    this.ownStreams.clear();
  }

  send(message: LiveMessage): void {
    for (const member of this.members.values()) member.send(message);
  }

  private endSlow(): void {
    for (const member of this.members.values()) {
      if (!member.isSlow) continue;
      this.members.delete(member.id);
      member.send(['resync', { reason: 'slow' }]);
    }
    for (const stream of this.ownStreams.values()) stream.endIfSlow();
  }

  private settle(): void {
    for (const [id, stream] of this.ownStreams) {
      if (!stream.isOver && !stream.isSettled) continue;
      this.ownStreams.delete(id);
      if (stream.isSettled && !stream.isOver) this.members.set(id, stream.subscriber);
    }
  }
}

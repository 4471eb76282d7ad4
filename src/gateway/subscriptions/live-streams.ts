import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DomainError, EventBus, type RecordedPosition } from '../../core/index.js';
import { LatestPositions, PositionLogService } from '../../tracking/index.js';
import { EncodedJson } from '../transport/json-encoder.js';
import { FrameItem } from './frame-item.js';
import { makeCursor } from './live-cursor.js';
import { crashEvent, crewEvent, type LiveEvent, vehicleEvent } from './live-event.js';
import { LiveGroup } from './live-group.js';
import { LiveMetrics } from './live-metrics.js';
import { FRAME_INTERVAL_MS, LiveReplay } from './live-replay.js';
import type { SocketSubscriber } from './socket-subscriber.js';
import type { SubscriptionFilter } from './subscription-filter.js';

/** Above this pressure of the write queue (0…1) all streams end, so that devices are served. */
const SHEDDING_PRESSURE = 0.5;
const BUSY_RETRY_MS = 2_000;
/** A first frame waits this long for the positions that are being written. Devices often send in the same moment. */
const MAX_WRITE_WAIT_MS = 50;

/**
 * The streams of all subscribers. Subscribers with equal filters are a group, which sends its positions and events in frames:
 * the first at once, with the positions that are being written at that moment, and the next ones after `FRAME_INTERVAL_MS`.
 * Every stored position and every event is delivered; none is merged with another.
 */
@Injectable()
export class LiveStreams implements OnApplicationShutdown {
  /** By the key of the filter. */
  private readonly groups = new Map<string, LiveGroup>();
  /** By the id of the subscriber. */
  private readonly groupOf = new Map<string, LiveGroup>();
  private readonly timers = new Map<LiveGroup, NodeJS.Timeout>();
  /** Groups that must send and have waited their interval. Value: `publications` when the group became due. */
  private readonly due = new Map<LiveGroup, number>();
  private publications = 0;
  private immediate: NodeJS.Immediate | null = null;

  constructor(
    private readonly latest: LatestPositions,
    private readonly log: PositionLogService,
    private readonly replay: LiveReplay,
    private readonly metrics: LiveMetrics,
    @Inject(SETTINGS) private readonly settings: Settings,
    bus: EventBus,
  ) {
    bus.subscribe('position.recorded', (recorded) => this.addPositions(recorded));
    bus.subscribe('cluster.caught-up', () => this.endAll('gap'));
    bus.subscribe('vehicle.changed', (change) => this.addEvent(vehicleEvent(change, this.cursor())));
    bus.subscribe('crash.recorded', ({ crash }) => this.addEvent(crashEvent(crash, this.cursor())));
    bus.subscribe('crew-event.recorded', ({ event }) => this.addEvent(crewEvent(event, this.cursor())));
  }

  onApplicationShutdown(): void {
    for (const group of this.timers.keys()) this.flush(group);
  }

  /**
   * Starts a subscriber's stream and replaces an earlier one. There is no gap between snapshot and stream.
   * @param sinceMs replay from this time first, epoch milliseconds; null for none
   * @returns a `WatchAnswer`
   * @throws live/busy while the write queue is under pressure
   */
  watch(subscriber: SocketSubscriber, filter: SubscriptionFilter, sinceMs: number | null): EncodedJson {
    if (this.log.pressure > SHEDDING_PRESSURE) throw busy();
    this.unwatch(subscriber.id);
    const items: string[] = [];
    const key = filter.makeKey();
    const known = this.groups.get(key);
    const group = known ?? new LiveGroup(key, filter.copy(), this.settings.live.replayLimit);
    for (const position of this.latest.search.inside(filter.box)) {
      const { vehicleId } = position;
      if (!filter.wants(vehicleId, position)) continue;
      items.push(this.latest.json(position));
      filter.markInside(vehicleId);
      if (!known) group.filter.markInside(vehicleId);
    }
    this.groups.set(key, group);
    this.groupOf.set(subscriber.id, group);
    const waitMs = subscriber.lastFrameMs + FRAME_INTERVAL_MS - performance.now();
    const stream = group.join(subscriber, filter, sinceMs !== null || waitMs > 0);
    // The replay starts after the acknowledgement, which is sent in this turn of the event loop.
    if (sinceMs !== null)
      setImmediate(() => void this.replay.run(stream, sinceMs).then(() => this.schedule(group)));
    // The subscriber's previous stream has just sent a frame.
    else if (waitMs > 0)
      setTimeout(() => {
        stream.goLive();
        this.schedule(group);
      }, waitMs);
    return new EncodedJson(`{"snapshot":[${items.join(',')}],"cursor":"${this.cursor()}"}`);
  }

  unwatch(subscriberId: string): void {
    const group = this.groupOf.get(subscriberId);
    if (!group) return;
    this.groupOf.delete(subscriberId);
    group.leave(subscriberId);
    this.removeIfEmpty(group);
  }

  /** Their subscribers watch again, and the replay reads from storage what did not arrive here. */
  private endAll(reason: 'gap'): void {
    for (const group of this.groups.values()) {
      group.end(reason);
      this.removeIfEmpty(group);
    }
  }

  private cursor(): string {
    return makeCursor(this.log.publishedUpToMs);
  }

  private addPositions(recorded: readonly RecordedPosition[]): void {
    if (this.groups.size === 0) return;
    this.publications += 1;
    for (const each of recorded) {
      const item = new FrameItem(each, this.latest);
      for (const group of this.groups.values()) if (group.addPosition(item)) this.schedule(group);
    }
    this.flushDueSoon();
  }

  private addEvent(event: LiveEvent): void {
    for (const group of this.groups.values()) if (group.addEvent(event)) this.schedule(group);
  }

  private schedule(group: LiveGroup): void {
    if (this.timers.has(group) || group.isEmpty) return;
    const waitMs = group.lastFrameMs + FRAME_INTERVAL_MS - performance.now();
    this.timers.set(
      group,
      setTimeout(() => this.flush(group), waitMs > 0 ? waitMs : MAX_WRITE_WAIT_MS),
    );
    if (waitMs > 0) return;
    this.due.set(group, this.publications);
    this.flushDueSoon();
  }

  /**
   * Flushes the due groups in the next turn of the event loop. While a write runs, a group waits for its publication, at most
   * `MAX_WRITE_WAIT_MS`.
   */
  private flushDueSoon(): void {
    if (this.due.size === 0) return;
    this.immediate ??= setImmediate(() => {
      this.immediate = null;
      for (const [group, publications] of this.due)
        if (!this.log.isCommitting || publications < this.publications) this.flush(group);
    });
  }

  private flush(group: LiveGroup): void {
    clearTimeout(this.timers.get(group));
    this.timers.delete(group);
    this.due.delete(group);
    if (this.log.pressure > SHEDDING_PRESSURE) group.end('overload');
    else this.metrics.recordDelivery(group.flush(this.cursor(), (vehicleId) => this.latest.of(vehicleId)));
    this.removeIfEmpty(group);
  }

  private removeIfEmpty(group: LiveGroup): void {
    if (!group.isEmpty) return;
    clearTimeout(this.timers.get(group));
    this.timers.delete(group);
    this.due.delete(group);
    if (this.groups.get(group.id) === group) this.groups.delete(group.id);
  }
}

function busy(): DomainError {
  return new DomainError(
    'live/busy',
    'The service is busy with positions of devices; send watch again shortly.',
    {
      retryAfterMs: BUSY_RETRY_MS,
    },
  );
}

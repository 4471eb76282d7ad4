import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DomainError, EventBus, type RecordedPosition } from '../../core/index.js';
import { LatestPositions, PositionLogService } from '../../tracking/index.js';
import type { WatchAnswer } from '../socket-events.js';
import { makeCursor } from './live-cursor.js';
import { crashEvent, crewEvent, type LiveEvent, vehicleEvent } from './live-event.js';
import { LiveMetrics } from './live-metrics.js';
import { FRAME_INTERVAL_MS, LiveReplay } from './live-replay.js';
import { LiveStream, type LiveFrameItem } from './live-stream.js';
import { SocketSubscriber } from './socket-subscriber.js';
import type { SubscriptionFilter } from './subscription-filter.js';

/** Above this pressure of the write queue (0…1) all streams end, so that devices are served. */
const SHEDDING_PRESSURE = 0.5;
const BUSY_RETRY_MS = 2_000;

/**
 * The streams of all subscribers. Positions and events are sent in frames: the first at the end of the turn, the next ones
 * after `FRAME_INTERVAL_MS`. A frame is kept once for all streams, and a message that several of them get is encoded once.
 * Every stored position and every event is delivered; none is merged with another.
 */
@Injectable()
export class LiveStreams implements OnApplicationShutdown {
  private readonly streams = new Map<string, LiveStream<SocketSubscriber>>();
  private positions: RecordedPosition[] = [];
  private events: LiveEvent[] = [];
  private timer: NodeJS.Timeout | null = null;
  private lastFrameMs = -Infinity;

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
    this.flush();
  }

  /**
   * Starts a subscriber's stream and replaces an earlier one. There is no gap between snapshot and stream.
   * @param sinceMs replay from this time first, epoch milliseconds; null for none
   * @throws live/busy while the write queue is under pressure
   */
  watch(subscriber: SocketSubscriber, filter: SubscriptionFilter, sinceMs: number | null): WatchAnswer {
    if (this.log.pressure > SHEDDING_PRESSURE) throw busy();
    this.unwatch(subscriber.id);
    const stream = new LiveStream(subscriber, filter, {
      isReplaying: sinceMs !== null,
      earlier: { positions: this.positions.length, events: this.events.length },
      replayLimit: this.settings.live.replayLimit,
    });
    this.streams.set(subscriber.id, stream);
    const snapshot = [...this.latest.all()]
      .filter((position) => filter.wants(position.vehicleId, position))
      .map((position) => ({ vehicleId: position.vehicleId, position: this.latest.view(position) }));
    for (const { vehicleId } of snapshot) filter.markInside(vehicleId);
    // The replay starts after the acknowledgement, which is sent in this turn of the event loop.
    if (sinceMs !== null) setImmediate(() => void this.startReplay(stream, sinceMs));
    return { snapshot, cursor: this.cursor() };
  }

  unwatch(subscriberId: string): void {
    this.streams.get(subscriberId)?.stop();
    this.streams.delete(subscriberId);
  }

  /** Their subscribers watch again, and the replay reads from storage what did not arrive here. */
  private endAll(reason: 'gap'): void {
    for (const stream of this.streams.values()) stream.end(reason);
    this.streams.clear();
  }

  private cursor(): string {
    return makeCursor(this.log.publishedUpToMs);
  }

  private async startReplay(stream: LiveStream, sinceMs: number): Promise<void> {
    await this.replay.run(stream, sinceMs);
    // The buffered positions are sent with the next frame, even without a new position.
    this.schedule();
  }

  private addPositions(recorded: readonly RecordedPosition[]): void {
    if (this.streams.size === 0) return;
    for (const each of recorded) this.positions.push(each);
    this.schedule();
  }

  private addEvent(event: LiveEvent): void {
    if (this.streams.size === 0) return;
    this.events.push(event);
    this.schedule();
  }

  private schedule(): void {
    if (this.timer !== null) return;
    const waitMs = this.lastFrameMs + FRAME_INTERVAL_MS - performance.now();
    this.timer = setTimeout(() => this.flush(), Math.max(0, waitMs));
  }

  private flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.lastFrameMs = performance.now();
    const { positions, events } = this;
    this.positions = [];
    this.events = [];
    const isShedding = this.log.pressure > SHEDDING_PRESSURE;
    for (const stream of this.streams.values()) {
      if (isShedding) stream.end('overload');
      stream.endIfSlow();
    }
    const vehicleIds = this.sendPositions(positions);
    for (const [index, event] of events.entries()) this.sendEvent(event, index);
    for (const [id, stream] of this.streams) {
      stream.sendLeftNotices(vehicleIds, (vehicleId) => this.latest.of(vehicleId));
      if (stream.isOver) this.streams.delete(id);
    }
    if (this.streams.size > 0) this.metrics.recordDelivery(positions);
  }

  /** @returns the vehicles of the frame */
  private sendPositions(positions: readonly RecordedPosition[]): ReadonlySet<string> {
    const frame = positions.map(({ position, late }): LiveFrameItem => ({
      vehicleId: position.vehicleId,
      position: this.latest.view(position),
      late,
    }));
    const cursor = this.cursor();
    const toWhole: SocketSubscriber[] = [];
    for (const stream of this.streams.values()) {
      const items = stream.takePositions(frame);
      if (items.length === 0) continue;
      if (items === frame) toWhole.push(stream.subscriber);
      else stream.subscriber.send(['positions', { cursor, items }]);
    }
    SocketSubscriber.sendToAll(toWhole, ['positions', { cursor, items: frame }]);
    return new Set(frame.map(({ vehicleId }) => vehicleId));
  }

  private sendEvent(event: LiveEvent, index: number): void {
    const receivers: SocketSubscriber[] = [];
    for (const stream of this.streams.values())
      if (stream.takesEvent(event, index)) receivers.push(stream.subscriber);
    SocketSubscriber.sendToAll(receivers, event.message);
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

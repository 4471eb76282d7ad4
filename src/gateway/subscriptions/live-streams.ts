import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { DomainError, EventBus, type RecordedPosition } from '../../core/index.js';
import { LatestPositions, PositionLogService } from '../../tracking/index.js';
import type { SubscriptionFilter } from './subscription-filter.js';
import { makeCursor } from './live-cursor.js';
import { LiveMetrics } from './live-metrics.js';
import { FRAME_INTERVAL_MS, LiveReplay } from './live-replay.js';
import { LiveStream, type LiveFrameItem, type Subscriber } from './live-stream.js';
import type { WatchAnswer } from '../socket-events.js';

/** Above this pressure of the write queue (0…1) all streams end, so that devices are served. */
const SHEDDING_PRESSURE = 0.5;
const BUSY_RETRY_MS = 2_000;

/**
 * The streams of all subscribers. The positions of a frame are kept once for all streams. Every stored position is
 * delivered; none is merged with another.
 */
@Injectable()
export class LiveStreams implements OnApplicationShutdown {
  private readonly streams = new Map<string, LiveStream>();
  private frame: RecordedPosition[] = [];
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly latest: LatestPositions,
    private readonly log: PositionLogService,
    private readonly replay: LiveReplay,
    private readonly metrics: LiveMetrics,
    events: EventBus,
  ) {
    events.subscribe('position.recorded', (recorded) => this.add(recorded));
  }

  onApplicationShutdown(): void {
    this.flush();
  }

  /**
   * Starts a subscriber's stream and replaces an earlier one. There is no gap between snapshot and stream.
   * @param sinceMs replay from this time first, epoch milliseconds; null for none
   * @throws live/busy while the write queue is under pressure
   */
  watch(subscriber: Subscriber, filter: SubscriptionFilter, sinceMs: number | null): WatchAnswer {
    if (this.log.pressure > SHEDDING_PRESSURE) throw busy();
    this.unwatch(subscriber.id);
    const stream = new LiveStream(subscriber, filter, sinceMs !== null, this.frame.length);
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

  all(): IterableIterator<LiveStream> {
    return this.streams.values();
  }

  cursor(): string {
    return makeCursor(this.log.publishedUpToMs);
  }

  private async startReplay(stream: LiveStream, sinceMs: number): Promise<void> {
    await this.replay.run(stream, sinceMs);
    // The buffered positions are sent with the next frame, even without a new position.
    this.schedule();
  }

  private add(recorded: readonly RecordedPosition[]): void {
    if (this.streams.size === 0) return;
    for (const each of recorded) this.frame.push(each);
    this.schedule();
  }

  private schedule(): void {
    if (this.streams.size > 0) this.timer ??= setTimeout(() => this.flush(), FRAME_INTERVAL_MS);
  }

  private flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const frame = this.frame;
    this.frame = [];
    const isShedding = this.log.pressure > SHEDDING_PRESSURE;
    const items = frame.map(({ position, late }): LiveFrameItem => ({
      vehicleId: position.vehicleId,
      position: this.latest.view(position),
      late,
    }));
    const vehicleIds = new Set(items.map(({ vehicleId }) => vehicleId));
    const cursor = this.cursor();
    for (const [id, stream] of this.streams) {
      if (isShedding) stream.end('overload');
      stream.pushFrame(items, cursor);
      stream.sendLeftNotices(vehicleIds, (vehicleId) => this.latest.of(vehicleId));
      if (stream.isOver) this.streams.delete(id);
    }
    if (this.streams.size > 0) this.metrics.recordDelivery(frame);
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

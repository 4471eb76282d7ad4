import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DomainError } from '../common/index.js';
import {
  LatestPositions,
  PositionFeed,
  PositionLog,
  type RecordedPosition,
  toPositionView,
} from '../tracking/index.js';
import type { Interest } from './interest.js';
import { makeCursor } from './live-cursor.js';
import { LiveMetrics } from './live-metrics.js';
import { LiveReplay } from './live-replay.js';
import { LiveStream, type LiveFrameItem, type Watcher } from './live-stream.js';
import type { WatchAnswer } from './socket-events.js';

/** Contract: at most 4 frames a second. */
const FRAME_MS = 250;
/** Of the queue before storage: above it watchers are let go, so that devices are served. */
const SHEDDING_PRESSURE = 0.5;
const BUSY_RETRY_MS = 2_000;

/**
 * Every watcher's stream. The fixes of a frame are kept once for all of them; every stored one is delivered, none is
 * merged with another.
 */
@Injectable()
export class LiveStreams implements OnModuleInit, OnApplicationShutdown {
  private readonly streams = new Map<string, LiveStream>();
  private frame: RecordedPosition[] = [];
  private timer: NodeJS.Timeout | null = null;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly latest: LatestPositions,
    private readonly feed: PositionFeed,
    private readonly log: PositionLog,
    private readonly replay: LiveReplay,
    private readonly metrics: LiveMetrics,
  ) {}

  onModuleInit(): void {
    this.stopListening = this.feed.subscribe((recorded) => this.add(recorded));
  }

  onApplicationShutdown(): void {
    this.stopListening();
    this.flush();
  }

  /**
   * Starts a watcher's stream, in place of the one it had. Snapshot and stream meet without a gap.
   * @param sinceMs where it was before; what came after is shown first
   * @throws live/busy while devices need all there is
   */
  watch(watcher: Watcher, interest: Interest, sinceMs: number | null): WatchAnswer {
    if (this.log.pressure > SHEDDING_PRESSURE) throw busy();
    this.unwatch(watcher.id);
    const stream = new LiveStream(watcher, interest, sinceMs !== null, this.frame.length);
    this.streams.set(watcher.id, stream);
    const snapshot = [...this.latest.all()]
      .filter((position) => interest.wants(position.vehicleId, position))
      .map((position) => ({ vehicleId: position.vehicleId, position: toPositionView(position) }));
    for (const { vehicleId, position } of snapshot) interest.hasLeft(vehicleId, position);
    // After the acknowledgement, which leaves in this turn of the event loop.
    if (sinceMs !== null) setImmediate(() => void this.replay.run(stream, sinceMs));
    return { snapshot, cursor: this.cursor() };
  }

  unwatch(watcherId: string): void {
    this.streams.get(watcherId)?.stop();
    this.streams.delete(watcherId);
  }

  all(): IterableIterator<LiveStream> {
    return this.streams.values();
  }

  cursor(): string {
    return makeCursor(this.log.shownUpToMs);
  }

  private add(recorded: readonly RecordedPosition[]): void {
    if (this.streams.size === 0) return;
    for (const each of recorded) this.frame.push(each);
    this.timer ??= setTimeout(() => this.flush(), FRAME_MS);
  }

  private flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const frame = this.frame;
    this.frame = [];
    const isShedding = this.log.pressure > SHEDDING_PRESSURE;
    const items = frame.map(({ position, late }): LiveFrameItem => ({
      vehicleId: position.vehicleId,
      position: toPositionView(position),
      late,
    }));
    const markers = items.filter((_, index) => this.isMarker(frame[index]));
    const cursor = this.cursor();
    for (const [id, stream] of this.streams) {
      if (isShedding) stream.end('overload');
      stream.offer(items, cursor);
      for (const marker of markers) stream.follow(marker);
      if (stream.isOver) this.streams.delete(id);
    }
    if (this.streams.size > 0) this.metrics.handedOver(frame);
  }

  private isMarker(recorded: RecordedPosition | undefined): boolean {
    return recorded !== undefined && this.latest.of(recorded.position.vehicleId) === recorded.position;
  }
}

function busy(): DomainError {
  return new DomainError(
    'unavailable',
    'live/busy',
    'The service is busy taking positions in; watch again shortly.',
    {
      retryAfterMs: BUSY_RETRY_MS,
    },
  );
}

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Settings } from '../../config/index.js';
import { EventBus, type Position } from '../../core/index.js';
import { LatestPositions, type PositionLogService } from '../../tracking/index.js';
import type { LiveMessage } from './live-event.js';
import type { LiveMetrics } from './live-metrics.js';
import type { LiveReplay } from './live-replay.js';
import { LiveStreams } from './live-streams.js';
import type { SocketSubscriber } from './socket-subscriber.js';
import { SubscriptionFilter } from './subscription-filter.js';

class RecordingSubscriber {
  readonly isSlow = false;
  lastFrameMs = -Infinity;
  /** Time and number of positions of each frame. */
  readonly frames: [atMs: number, count: number][] = [];

  constructor(readonly id: string) {}

  send([event, notice]: LiveMessage): void {
    if (event !== 'positions') return;
    this.lastFrameMs = performance.now();
    this.frames.push([Math.round(performance.now() - startedMs), notice.items.length]);
  }
}

const log = { pressure: 0, isCommitting: false, publishedUpToMs: 0 };
let startedMs = 0;
let latest: LatestPositions;
let streams: LiveStreams;
beforeEach(() => {
  jest.useFakeTimers();
  startedMs = performance.now();
  log.isCommitting = false;
  const bus = new EventBus();
  latest = new LatestPositions(bus);
  streams = new LiveStreams(
    latest,
    log as PositionLogService,
    {} as LiveReplay,
    { recordDelivery: () => undefined } as unknown as LiveMetrics,
    { live: { replayLimit: 100 } } as Settings,
    bus,
  );
});
afterEach(() => {
  jest.useRealTimers();
});

function watch(subscriber: RecordingSubscriber, ...vehicleIds: string[]): void {
  const filter = new SubscriptionFilter(vehicleIds.length > 0 ? new Set(vehicleIds) : null, null);
  streams.watch(subscriber as unknown as SocketSubscriber, filter, null);
}

function watching(id: string, ...vehicleIds: string[]): RecordingSubscriber {
  const subscriber = new RecordingSubscriber(id);
  watch(subscriber, ...vehicleIds);
  return subscriber;
}

function publish(vehicleId: string): void {
  const timeMs = Date.now();
  const position: Position = { vehicleId, lat: 48, lon: 11, timeMs, receivedAtMs: timeMs };
  latest.publish([{ position, late: false, recordedAtMs: timeMs }]);
}

/** A position every 20 ms, of two vehicles in turn. */
function publishFor(durationMs: number): void {
  for (let n = 0; n < durationMs / 20; n += 1) {
    publish(n % 2 === 0 ? 'a' : 'b');
    jest.advanceTimersByTime(20);
  }
}

describe('a frame', () => {
  it('is sent at once when none was sent before, and then at most four times a second', () => {
    const subscriber = watching('1');
    publishFor(1_000);
    expect(subscriber.frames.map(([atMs]) => atMs)).toEqual([0, 260, 520, 780]);
    jest.advanceTimersByTime(1_000);
    publish('a');
    jest.advanceTimersByTime(1);
    expect(subscriber.frames.at(-1)?.[0]).toBe(2_000);
  });

  it('waits for the positions that are being written, once and not for long', () => {
    const subscriber = watching('1');
    log.isCommitting = true;
    publish('a');
    jest.advanceTimersByTime(5);
    expect(subscriber.frames).toEqual([]);
    publish('b');
    jest.advanceTimersByTime(1_000);
    publish('a');
    jest.advanceTimersByTime(1_000);
    expect(subscriber.frames).toEqual([
      [5, 2],
      [1_055, 1],
    ]);
  });

  it('does not wait for a frame of other vehicles', () => {
    const [all, one] = [watching('1'), watching('2', 'rare')];
    publish('a');
    jest.advanceTimersByTime(100);
    publish('rare');
    jest.advanceTimersByTime(300);
    expect([all.frames, one.frames]).toEqual([
      [
        [0, 1],
        [260, 1],
      ],
      [[100, 1]],
    ]);
  });

  it('keeps its distance when the subscriber changes its filter', () => {
    const subscriber = watching('1', 'a');
    publish('a');
    jest.advanceTimersByTime(10);
    for (let n = 0; n < 10; n += 1) {
      watch(subscriber, 'a', `other ${n}`);
      publish('a');
      jest.advanceTimersByTime(20);
    }
    publish('a');
    jest.advanceTimersByTime(1_000);
    expect(subscriber.frames).toEqual([
      [0, 1],
      [450, 2],
    ]);
  });
});

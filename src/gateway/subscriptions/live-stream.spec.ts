import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CrashDto } from '../../crashes/index.js';
import { parseBoundingBox } from '../../core/index.js';
import { SubscriptionFilter, type Place } from './subscription-filter.js';
import { LiveStream, type LiveFrameItem, type Subscriber } from './live-stream.js';

const BOX = '11,47,12,49';
const at = (vehicleId: string, lon: number, late = false): LiveFrameItem => ({
  vehicleId,
  position: { lat: 48, lon, time: '2026-11-01T10:00:00.000Z', receivedAt: '2026-11-01T10:00:00.100Z' },
  late,
});
const inside = (vehicleId: string) => at(vehicleId, 11.5);
const outside = (vehicleId: string) => at(vehicleId, 12.5);

let sent: string[];
let places: Map<string, Place>;
beforeEach(() => {
  sent = [];
  places = new Map();
});

const subscriber: Subscriber = {
  id: 'w',
  unsent: 0,
  positions: ({ items, cursor }) =>
    sent.push(
      `${cursor}: ${items.map(({ vehicleId, position }) => `${vehicleId}@${position.lon}`).join(' ')}`,
    ),
  vehicle: () => undefined,
  crash: ({ id }, cursor) => sent.push(`${cursor}: crash ${id}`),
  crew: ({ id }, cursor) => sent.push(`${cursor}: crew ${id}`),
  left: (vehicleId) => sent.push(`left ${vehicleId}`),
  resync: (reason) => sent.push(`resync ${reason}`),
};
const stream = (isReplaying: boolean): LiveStream =>
  new LiveStream(subscriber, new SubscriptionFilter(null, parseBoundingBox(BOX)), isReplaying, 0);

/** Does the same as `LiveStreams`: updates the current places, then sends one frame. */
function frame(to: LiveStream, cursor: string, ...items: readonly LiveFrameItem[]): void {
  for (const { vehicleId, position, late } of items) if (!late) places.set(vehicleId, position);
  to.pushFrame(items, cursor);
  to.sendLeftNotices(
    new Set(items.map(({ vehicleId }) => vehicleId)),
    (vehicleId) => places.get(vehicleId) ?? null,
  );
}

describe('a vehicle that left the box', () => {
  it('is reported when it enters and leaves within one frame', () => {
    const live = stream(false);
    frame(live, 'c1', outside('a'), inside('a'), outside('a'));
    frame(live, 'c2', outside('a'));
    expect(sent).toEqual(['c1: a@11.5', 'left a']);
  });

  it('is not reported when only a late position was inside', () => {
    const live = stream(false);
    frame(live, 'c1', outside('a'), at('a', 11.5, true));
    expect(sent).toEqual(['c1: a@11.5']);
  });
});

describe('a crash', () => {
  const crash = (id: string, vehicleId: string, lon: number | null): CrashDto => ({
    id,
    vehicleId,
    reportedAt: '2026-11-01T10:00:00.000Z',
    lat: lon === null ? null : 48,
    lon,
    speedMps: null,
    headingDeg: null,
  });

  it('is sent when the subscription includes its place or its vehicle, also when one of the two is unknown', () => {
    const live = stream(false);
    frame(live, 'c1', inside('seen'));
    live.sendCrash(crash('1', 'unseen', 11.5), 'c2');
    live.sendCrash(crash('2', 'unseen', 12.5), 'c3');
    live.sendCrash(crash('3', 'unseen', null), 'c4');
    live.sendCrash(crash('4', 'seen', null), 'c5');
    live.sendCrash(crash('5', 'seen', 12.5), 'c6');
    expect(sent.slice(1)).toEqual(['c2: crash 1', 'c5: crash 4', 'c6: crash 5']);
  });

  it('is not sent to a stream that has ended', () => {
    const live = stream(false);
    live.stop();
    live.sendCrash(crash('1', 'unseen', 11.5), 'c1');
    expect(sent).toEqual([]);
  });
});

describe('a replay', () => {
  it('reports vehicles that left after its end, not before, for replayed and for buffered positions', () => {
    const back = stream(true);
    places.set('a', outside('a').position).set('b', inside('b').position);
    frame(back, 'c1', outside('c'), inside('d'), outside('d'));
    back.replay([inside('a'), inside('b'), inside('c')], 'r1');
    expect(sent).toEqual(['r1: a@11.5 b@11.5 c@11.5']);
    back.goLive();
    frame(back, 'c2', outside('e'));
    expect(sent.slice(1)).toEqual(['c2: d@11.5', 'left a', 'left c', 'left d']);
    frame(back, 'c3', outside('b'));
    expect(sent.slice(5)).toEqual(['left b']);
  });

  it('reports a vehicle without a current place as left', () => {
    const back = stream(true);
    back.replay([inside('archived')], 'r1');
    back.goLive();
    frame(back, 'c1');
    expect(sent).toEqual(['r1: archived@11.5', 'left archived']);
  });

  it('sends the buffered positions together with the next frame', () => {
    const back = stream(true);
    frame(back, 'c1', inside('a'));
    frame(back, 'c2', inside('b'));
    back.replay([inside('z')], 'r1');
    back.goLive();
    expect(sent).toEqual(['r1: z@11.5']);
    frame(back, 'c3', inside('c'));
    expect(sent.slice(1)).toEqual(['c3: a@11.5 b@11.5 c@11.5', 'left z']);
  });
});

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
let board: Map<string, Place>;
beforeEach(() => {
  sent = [];
  board = new Map();
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

/** As the streams do it: the board first, then one frame. */
function frame(to: LiveStream, cursor: string, ...items: readonly LiveFrameItem[]): void {
  for (const { vehicleId, position, late } of items) if (!late) board.set(vehicleId, position);
  to.pushFrame(items, cursor);
  to.sendLeftNotices(
    new Set(items.map(({ vehicleId }) => vehicleId)),
    (vehicleId) => board.get(vehicleId) ?? null,
  );
}

describe('who has left the box', () => {
  it('is said of one that comes and goes within a frame', () => {
    const live = stream(false);
    frame(live, 'c1', outside('a'), inside('a'), outside('a'));
    frame(live, 'c2', outside('a'));
    expect(sent).toEqual(['c1: a@11.5', 'left a']);
  });

  it('is not said of one that has only been there long ago', () => {
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

  it('is sent to who sees its place or its vehicle, whatever of the two is known', () => {
    const live = stream(false);
    frame(live, 'c1', inside('seen'));
    live.sendCrash(crash('1', 'unknown', 11.5), 'c2');
    live.sendCrash(crash('2', 'unknown', 12.5), 'c3');
    live.sendCrash(crash('3', 'unknown', null), 'c4');
    live.sendCrash(crash('4', 'seen', null), 'c5');
    live.sendCrash(crash('5', 'seen', 12.5), 'c6');
    expect(sent.slice(1)).toEqual(['c2: crash 1', 'c5: crash 4', 'c6: crash 5']);
  });

  it('is not sent after the end of the stream', () => {
    const live = stream(false);
    live.stop();
    live.sendCrash(crash('1', 'unknown', 11.5), 'c1');
    expect(sent).toEqual([]);
  });
});

describe('a replay', () => {
  it('says who has left once all is shown, not before, whatever was shown of it', () => {
    const back = stream(true);
    board.set('a', outside('a').position).set('b', inside('b').position);
    frame(back, 'c1', outside('c'), inside('d'), outside('d'));
    back.replay([inside('a'), inside('b'), inside('c')], 'r1');
    expect(sent).toEqual(['r1: a@11.5 b@11.5 c@11.5']);
    back.goLive();
    frame(back, 'c2', outside('e'));
    expect(sent.slice(1)).toEqual(['c2: d@11.5', 'left a', 'left c', 'left d']);
    frame(back, 'c3', outside('b'));
    expect(sent.slice(5)).toEqual(['left b']);
  });

  it('says so of one that is on no board any more', () => {
    const back = stream(true);
    back.replay([inside('archived')], 'r1');
    back.goLive();
    frame(back, 'c1');
    expect(sent).toEqual(['r1: archived@11.5', 'left archived']);
  });

  it('keeps the pace: what waited for its end goes with the next frame, in one', () => {
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

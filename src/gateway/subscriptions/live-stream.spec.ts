import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseBoundingBox } from '../../core/index.js';
import { SubscriptionFilter, type Place } from './subscription-filter.js';
import { crashEvent, type LiveEvent, type LiveFrameItem, type LiveMessage } from './live-event.js';
import { LiveStream, type Subscriber } from './live-stream.js';

const BOX = '11,47,12,49';
const at = (vehicleId: string, lon: number, late = false): LiveFrameItem => ({
  vehicleId,
  place: { lat: 48, lon },
  late,
  json: '{}',
});
const inside = (vehicleId: string) => at(vehicleId, 11.5);
const outside = (vehicleId: string) => at(vehicleId, 12.5);

let sent: string[];
let places: Map<string, Place>;
let isSlow: boolean;
beforeEach(() => {
  isSlow = false;
  sent = [];
  places = new Map();
});

const subscriber: Subscriber = {
  id: 'w',
  get isSlow() {
    return isSlow;
  },
  send: (message) => sent.push(textOf(message)),
};

function textOf(message: LiveMessage): string {
  const [event, notice] = message;
  switch (event) {
    case 'positions':
      return `${notice.cursor}: ${notice.items.map((item) => `${item.vehicleId}@${item.place.lon}`).join(' ')}`;
    case 'crash':
      return `crash ${notice.crash.id}`;
    case 'left':
      return `left ${notice.vehicleId}`;
    case 'resync':
      return `resync ${notice.reason}`;
    default:
      return event;
  }
}

const stream = (isReplaying: boolean, earlier?: { positions: number; events: number }): LiveStream =>
  new LiveStream(subscriber, new SubscriptionFilter(null, parseBoundingBox(BOX)), {
    isReplaying,
    earlier,
    replayLimit: 3,
  });

/** Does the same as `LiveStreams`: updates the current places, then sends one frame. */
function frame(to: LiveStream, cursor: string, ...items: readonly LiveFrameItem[]): void {
  for (const { vehicleId, place, late } of items) if (!late) places.set(vehicleId, place);
  to.endIfSlow();
  const taken = to.takePositions(items);
  if (taken.length > 0) subscriber.send(['positions', { cursor, items: taken }]);
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

describe('an event', () => {
  const crash = (id: string, vehicleId: string, lon: number | null): LiveEvent =>
    crashEvent(
      {
        id,
        vehicleId,
        reportedAt: new Date(0),
        lat: lon === null ? null : 48,
        lon,
        speedMps: null,
        headingDeg: null,
      },
      'c',
    );

  it('is taken when the subscription includes its place or its vehicle, also when one of the two is unknown', () => {
    const live = stream(false);
    frame(live, 'c1', inside('seen'));
    const crashes = [
      crash('1', 'unseen', 11.5),
      crash('2', 'unseen', 12.5),
      crash('3', 'unseen', null),
      crash('4', 'seen', null),
      crash('5', 'seen', 12.5),
    ];
    expect(crashes.map((event) => live.takesEvent(event, 0))).toEqual([true, false, false, true, true]);
  });

  it('is not taken by a stream that has ended', () => {
    const live = stream(false);
    live.stop();
    expect(live.takesEvent(crash('1', 'unseen', 11.5), 0)).toBe(false);
  });

  it('of the frame in which the subscription began is taken only when it happened later', () => {
    const live = stream(false, { positions: 1, events: 1 });
    expect([0, 1].map((index) => live.takesEvent(crash('1', 'unseen', 11.5), index))).toEqual([false, true]);
    frame(live, 'c1', inside('a'), inside('b'));
    expect(sent).toEqual(['c1: b@11.5']);
    expect(live.takesEvent(crash('2', 'unseen', 11.5), 0)).toBe(true);
  });
});

describe('a slow subscriber', () => {
  it('gets one resync and nothing more', () => {
    const live = stream(false);
    isSlow = true;
    frame(live, 'c1', inside('a'));
    isSlow = false;
    frame(live, 'c2', inside('a'));
    expect(sent).toEqual(['resync slow']);
  });

  it('gets resync for a replay, too', () => {
    const back = stream(true);
    isSlow = true;
    back.replayPositions([inside('a')], 'r1');
    back.replayPositions([inside('a')], 'r2');
    expect(sent).toEqual(['resync slow']);
  });
});

describe('a replay', () => {
  it('reports vehicles that left after its end, not before, for replayed and for buffered positions', () => {
    const back = stream(true);
    places.set('a', outside('a').place).set('b', inside('b').place);
    frame(back, 'c1', outside('c'), inside('d'), outside('d'));
    back.replayPositions([inside('a'), inside('b'), inside('c')], 'r1');
    expect(sent).toEqual(['r1: a@11.5 b@11.5 c@11.5']);
    back.goLive();
    frame(back, 'c2', outside('e'));
    expect(sent.slice(1)).toEqual(['c2: d@11.5', 'left a', 'left c', 'left d']);
    frame(back, 'c3', outside('b'));
    expect(sent.slice(5)).toEqual(['left b']);
  });

  it('reports a vehicle without a current place as left', () => {
    const back = stream(true);
    back.replayPositions([inside('archived')], 'r1');
    back.goLive();
    frame(back, 'c1');
    expect(sent).toEqual(['r1: archived@11.5', 'left archived']);
  });

  it('ends with resync when more than the replay limit waits for its end', () => {
    const back = stream(true);
    frame(back, 'c1', inside('a'), inside('b'), inside('c'));
    expect(sent).toEqual([]);
    frame(back, 'c2', inside('d'));
    expect(sent).toEqual(['resync replay_limit']);
  });

  it('sends the buffered positions together with the next frame', () => {
    const back = stream(true);
    frame(back, 'c1', inside('a'));
    frame(back, 'c2', inside('b'));
    back.replayPositions([inside('z')], 'r1');
    back.goLive();
    expect(sent).toEqual(['r1: z@11.5']);
    frame(back, 'c3', inside('c'));
    expect(sent.slice(1)).toEqual(['c3: a@11.5 b@11.5 c@11.5', 'left z']);
  });
});

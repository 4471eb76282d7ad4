import { beforeEach, describe, expect, it } from '@jest/globals';
import { EventBus, parseBoundingBox, type Position } from '../../core/index.js';
import { LatestPositions } from '../../tracking/index.js';
import { FrameItem } from './frame-item.js';
import { LiveGroup } from './live-group.js';
import { vehicleEvent, type LiveMessage } from './live-event.js';
import type { Subscriber } from './live-stream.js';
import { SubscriptionFilter } from './subscription-filter.js';

class RecordingSubscriber implements Subscriber {
  isSlow = false;
  readonly messages: LiveMessage[] = [];

  constructor(readonly id: string) {}

  send(message: LiveMessage): void {
    this.messages.push(message);
  }

  get sent(): string[] {
    return this.messages.map(([event, notice]) => {
      if (event === 'positions') return notice.items.map((item) => item.vehicleId).join(' ');
      return event === 'left' ? `left ${notice.vehicleId}` : event;
    });
  }
}

let latest: LatestPositions;
beforeEach(() => {
  latest = new LatestPositions(new EventBus());
});

let nowMs = 0;
function at(vehicleId: string, lon = 11.5): FrameItem {
  nowMs += 1;
  const position: Position = { vehicleId, lat: 48, lon, timeMs: nowMs, receivedAtMs: nowMs };
  latest.offer(position);
  return new FrameItem({ position, late: false, recordedAtMs: nowMs }, latest);
}

const box = (): SubscriptionFilter => new SubscriptionFilter(null, parseBoundingBox('11,47,12,49'));
const only = (...ids: string[]): SubscriptionFilter => new SubscriptionFilter(new Set(ids), null);
const groupOf = (filter: SubscriptionFilter): LiveGroup<RecordingSubscriber> =>
  new LiveGroup(filter.makeKey(), filter, 100);
const flush = (group: LiveGroup<RecordingSubscriber>): unknown => group.flush('c', (id) => latest.of(id));

function join(group: LiveGroup<RecordingSubscriber>, id: string): RecordingSubscriber {
  const subscriber = new RecordingSubscriber(id);
  const filter = group.filter.copy();
  for (const position of latest.search.inside(null))
    if (filter.wants(position.vehicleId, position)) filter.markInside(position.vehicleId);
  group.join(subscriber, filter, false);
  return subscriber;
}

describe('subscribers with equal filters', () => {
  it('get the same message, which is encoded once', () => {
    const group = groupOf(box());
    const [one, other] = [join(group, '1'), join(group, '2')];
    for (const id of ['a', 'b']) {
      group.addPosition(at(id));
      flush(group);
    }
    group.addPosition(at('a', 13));
    flush(group);
    expect(one.sent).toEqual(['a', 'b', 'left a']);
    expect(other.messages).toEqual(one.messages);
    expect(other.messages.map((message, n) => message === one.messages[n])).toEqual([true, true, true]);
  });

  it('get only what is later than their snapshot, when they join within a frame, and then the same as all', () => {
    const group = groupOf(box());
    const first = join(group, '1');
    group.addPosition(at('a'));
    const second = join(group, '2');
    group.addPosition(at('b'));
    flush(group);
    group.addPosition(at('a', 13));
    group.addPosition(at('c'));
    flush(group);
    expect(first.sent).toEqual(['a b', 'c', 'left a']);
    expect(second.sent).toEqual(['b', 'c', 'left a']);
    expect(second.messages.at(-1)).toBe(first.messages.at(-1));
  });

  it('are slow one by one: the slow one gets resync, the others continue', () => {
    const group = groupOf(box());
    const [one, other] = [join(group, '1'), join(group, '2')];
    flush(group);
    one.isSlow = true;
    group.addPosition(at('a'));
    flush(group);
    one.isSlow = false;
    group.addPosition(at('b'));
    flush(group);
    expect(one.sent).toEqual(['resync']);
    expect(other.sent).toEqual(['a', 'b']);
  });

  it('leave one by one, and all end at once', () => {
    const group = groupOf(box());
    const [settled, left] = [join(group, '1'), join(group, '2')];
    flush(group);
    const joining = join(group, '3');
    group.leave('2');
    expect(group.isEmpty).toBe(false);
    group.end('gap');
    expect([settled.sent, left.sent, joining.sent]).toEqual([['resync'], [], ['resync']]);
    expect(group.isEmpty).toBe(true);
  });
});

describe('a frame', () => {
  it('follows only a position or an event that the group can get', () => {
    const group = groupOf(only('a'));
    expect([group.addPosition(at('a')), group.addPosition(at('b'))]).toEqual([true, false]);
    const changed = (id: string) =>
      vehicleEvent({ vehicle: { id }, isArchived: true } as Parameters<typeof vehicleEvent>[0], 'c');
    expect([group.addEvent(changed('a')), group.addEvent(changed('b'))]).toEqual([true, false]);
  });

  it('of a box follows a vehicle that moves inside or leaves, not one that stays outside', () => {
    const group = groupOf(box());
    join(group, '1');
    expect(group.addPosition(at('a', 13))).toBe(false);
    expect(group.addPosition(at('a'))).toBe(true);
    flush(group);
    expect(group.addPosition(at('a', 13))).toBe(true);
    flush(group);
    expect(group.addPosition(at('a', 13))).toBe(false);
  });
});

it('equal filters have the same key, whatever the order of the ids', () => {
  expect(only('a', 'b').makeKey()).toBe(only('b', 'a').makeKey());
  expect(
    new Set([
      only('a').makeKey(),
      only('b').makeKey(),
      box().makeKey(),
      new SubscriptionFilter(null, null).makeKey(),
    ]).size,
  ).toBe(4);
});

import { describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { EventBus } from './event-bus.js';

declare module './event-bus.js' {
  interface EventMap {
    'test.happened': { readonly n: number };
  }
}

Logger.overrideLogger(false);

describe('EventBus', () => {
  it('calls listeners in the order of subscription, before publish returns', () => {
    const bus = new EventBus();
    const seen: string[] = [];
    bus.subscribe('test.happened', ({ n }) => void seen.push(`a${n}`));
    bus.subscribe('test.happened', ({ n }) => void seen.push(`b${n}`));
    bus.publish('test.happened', { n: 1 });
    expect(seen).toEqual(['a1', 'b1']);
  });

  it('does not call a listener that unsubscribed', () => {
    const bus = new EventBus();
    const seen: number[] = [];
    const unsubscribe = bus.subscribe('test.happened', ({ n }) => void seen.push(n));
    unsubscribe();
    bus.publish('test.happened', { n: 1 });
    expect(seen).toEqual([]);
  });

  it('calls the listeners that are subscribed at the moment of publishing', () => {
    const bus = new EventBus();
    const seen: string[] = [];
    const unsubscribe = bus.subscribe('test.happened', ({ n }) => {
      seen.push(`a${n}`);
      unsubscribe();
      bus.subscribe('test.happened', () => void seen.push(`c${n}`));
    });
    bus.subscribe('test.happened', ({ n }) => void seen.push(`b${n}`));
    bus.publish('test.happened', { n: 1 });
    expect(seen).toEqual(['a1', 'b1']);
    bus.publish('test.happened', { n: 2 });
    expect(seen).toEqual(['a1', 'b1', 'b2', 'c1']);
  });

  it('calls a listener that is subscribed twice twice, and once after one unsubscription', () => {
    const bus = new EventBus();
    const seen: number[] = [];
    const listener = ({ n }: { n: number }): void => void seen.push(n);
    bus.subscribe('test.happened', listener);
    const unsubscribe = bus.subscribe('test.happened', listener);
    bus.publish('test.happened', { n: 1 });
    unsubscribe();
    unsubscribe();
    bus.publish('test.happened', { n: 2 });
    expect(seen).toEqual([1, 1, 2]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('goes on when a listener %s', async (_how, fails) => {
    const bus = new EventBus();
    const seen: number[] = [];
    bus.subscribe('test.happened', fails);
    bus.subscribe('test.happened', ({ n }) => void seen.push(n));
    bus.publish('test.happened', { n: 1 });
    await bus.publishAndWait('test.happened', { n: 2 });
    expect(seen).toEqual([1, 2]);
  });

  it('publishAndWait waits for asynchronous listeners', async () => {
    const bus = new EventBus();
    let isDone = false;
    bus.subscribe('test.happened', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      isDone = true;
    });
    await bus.publishAndWait('test.happened', { n: 1 });
    expect(isDone).toBe(true);
  });

  describe('shared events', () => {
    const received = (bus: EventBus, source?: 'this-instance'): number[] => {
      const seen: number[] = [];
      bus.subscribe('test.happened', ({ n }) => void seen.push(n), source);
      return seen;
    };

    it('go to the forwarder as JSON values, after the listeners of this instance', () => {
      const bus = new EventBus();
      const order: unknown[] = [];
      bus.forwardTo((event, value) => Promise.resolve(void order.push([event, value])));
      bus.subscribe('test.happened', () => void order.push('listener'));
      bus.publish('test.happened', { n: 1 });
      bus.share('test.happened', { toJson: ({ n }) => `${n}` });
      bus.publish('test.happened', { n: 2 });
      expect(order).toEqual(['listener', 'listener', ['test.happened', '2']]);
    });

    it('of other instances reach every listener but those of this instance only, and are not forwarded again', () => {
      const bus = new EventBus();
      const forwarded: unknown[] = [];
      bus.forwardTo((_event, value) => Promise.resolve(void forwarded.push(value)));
      const [all, own] = [received(bus), received(bus, 'this-instance')];
      bus.publishForwarded('test.happened', { n: 1 });
      bus.share('test.happened', { fromJson: (n: number) => (n > 2 ? { n } : null) });
      for (const n of [2, 3]) bus.publishForwarded('test.happened', n);
      bus.publish('test.happened', { n: 4 });
      expect([all, own, forwarded]).toEqual([[3, 4], [4], [{ n: 4 }]]);
    });

    it('that cannot be read are dropped', () => {
      const bus = new EventBus();
      const seen = received(bus);
      bus.share('test.happened', {
        fromJson: () => {
          throw new Error('unreadable');
        },
      });
      bus.publishForwarded('test.happened', 'x');
      expect(seen).toEqual([]);
    });

    it('publishAndWait waits until the event is on its way', async () => {
      const bus = new EventBus();
      let isSent = false;
      bus.share('test.happened');
      bus.forwardTo(async () => {
        await new Promise((resolve) => setImmediate(resolve));
        isSent = true;
      });
      await bus.publishAndWait('test.happened', { n: 1 });
      expect(isSent).toBe(true);
    });
  });
});

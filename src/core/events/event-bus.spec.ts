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
});

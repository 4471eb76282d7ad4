import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AcquireOptions,
  BackgroundJobs,
  Clock,
  EventBus,
  type LockAttempt,
  Metrics,
} from '../../core/index.js';
import type { CursorsRepository } from '../../database/index.js';
import { Mirror } from './mirror.js';

Logger.overrideLogger(false);

class SetClock extends Clock {
  atMs = 1_000_000;
  override nowMs(): number {
    return this.atMs;
  }
}

/** A source with items at given times, and the collection that the mirror writes. */
class Fake {
  stored: { n: number; atMs: number }[] = [];
  copied: number[] = [];
  groups: number[] = [];
  isDown = false;
  readonly name = 'things';
  readonly settlesWithinMs = 1_000;
  cursor: number | null = null;
  offer: (items: readonly number[]) => void = () => undefined;

  subscribe(_: EventBus, offer: (items: readonly number[]) => void): void {
    this.offer = offer;
  }

  async *since(fromMs: number): AsyncGenerator<readonly number[]> {
    const found = this.stored.filter(({ atMs }) => atMs >= fromMs).map(({ n }) => n);
    for (let start = 0; start < found.length; start += 2) yield found.slice(start, start + 2);
  }

  async write(items: readonly number[]): Promise<number> {
    if (this.isDown) throw new Error('down');
    if (!role.isWriter) return 0;
    this.groups.push(items.length);
    const fresh = items.filter((item) => !this.copied.includes(item));
    this.copied.push(...fresh);
    return fresh.length;
  }

  /** Items that only this service has got. */
  ours: readonly number[] = [];

  async hasUnwritten(items: readonly number[]): Promise<boolean> {
    return items.some((item) => this.ours.includes(item) && !this.copied.includes(item));
  }

  readonly cursors = {
    getOrCreate: async (_: string, at: Date) => new Date((this.cursor ??= at.getTime())),
    advance: async (_: string, at: Date) => void (this.cursor = Math.max(this.cursor ?? 0, at.getTime())),
  } as unknown as CursorsRepository;
}

/** The lock of the catch-up, which this process can always get. */
class OwnLock {
  private completedAtMs = -Infinity;

  async acquire({ minPauseMs = 0 }: AcquireOptions): Promise<LockAttempt> {
    if (clock.atMs < this.completedAtMs + minPauseMs)
      return { lock: null, retryInMs: 20, completedAt: new Date(this.completedAtMs) };
    const release = async (isComplete = false): Promise<void> => {
      if (isComplete) this.completedAtMs = clock.atMs;
    };
    const { signal } = new AbortController();
    const holder = { owner: 'test', epoch: 1, signal, heldSince: new Date(0), assertHeld: () => undefined };
    return { lock: { ...holder, release }, retryInMs: 0, completedAt: null };
  }
}
const newJobs = (): BackgroundJobs => new BackgroundJobs(new OwnLock(), new Metrics());

let clock: SetClock;
let fake: Fake;
let mirror: Mirror<number>;
let role: { isWriter: boolean; epoch: number };
let bus: EventBus;
beforeEach(async () => {
  clock = new SetClock();
  fake = new Fake();
  role = { isWriter: true, epoch: 1 };
  bus = new EventBus();
  mirror = new Mirror(fake, fake.cursors, clock, role, bus);
  await mirror.ensureCursor();
});
afterEach(async () => {
  await mirror.stop(0);
});

/** Moves the clock, and waits until the mirror has run at least once more, a retry included. */
const pass = async (ms: number): Promise<void> => {
  clock.atMs += ms;
  await sleep(fake.isDown || mirror.isFailing ? 1_200 : 350);
};

describe('Mirror', () => {
  it('writes items that arrive together in one write, and shows their age', async () => {
    mirror.start(newJobs());
    await pass(1);
    expect(mirror.lagMs).toBe(0);
    fake.offer([1, 2]);
    fake.offer([3]);
    clock.atMs += 70;
    expect(mirror.lagMs).toBe(70);
    await pass(300);
    expect([fake.copied, fake.groups, mirror.lagMs, mirror.written]).toEqual([[1, 2, 3], [3], 0, 3]);
  });

  it('continues from storage after a kill', async () => {
    fake.stored = [1, 2, 3, 4, 5].map((n) => ({ n, atMs: clock.atMs - 10 + n }));
    fake.copied = [1, 2];
    mirror.start(newJobs());
    await pass(1);
    expect([fake.copied, mirror.written, mirror.lagMs]).toEqual([[1, 2, 3, 4, 5], 3, 0]);
  });

  it('never moves the cursor past a moment under which an item can still appear', async () => {
    mirror.start(newJobs());
    await pass(1);
    expect(fake.cursor).toBeLessThanOrEqual(clock.atMs - 1_000);
    // A delayed write: not offered, and stored with an older time.
    fake.stored.push({ n: 9, atMs: clock.atMs - 900 });
    await pass(31_000);
    expect(fake.copied).toEqual([9]);
  });

  it('keeps items that it cannot write, and writes them later', async () => {
    mirror.start(newJobs());
    await pass(1);
    fake.isDown = true;
    fake.offer([1]);
    await pass(5_000);
    expect([fake.copied, mirror.isFailing, mirror.lagMs]).toEqual([[], true, 5_000]);
    fake.isDown = false;
    await pass(2_000);
    expect([fake.copied, mirror.isFailing, mirror.lagMs]).toEqual([[1], false, 0]);
  });

  it('drops items above its limit, and reads them from storage later', async () => {
    mirror.start(newJobs());
    await pass(1);
    fake.isDown = true;
    const many = Array.from({ length: 20_001 }, (_, n) => n);
    fake.stored = many.slice(0, 50).map((n) => ({ n, atMs: clock.atMs }));
    fake.offer(many);
    await pass(3_000);
    expect(mirror.lagMs).toBe(3_000);
    fake.isDown = false;
    await pass(2_000);
    expect([fake.copied.length, mirror.lagMs]).toEqual([50, 0]);
  });

  it('drops items before its start', async () => {
    fake.offer([1]);
    mirror.start(newJobs());
    await pass(1_000);
    expect(fake.copied).toEqual([]);
  });

  it('writes waiting items at its stop', async () => {
    mirror.start(newJobs());
    await pass(1);
    fake.offer([1]);
    await mirror.stop(1_000);
    expect(fake.copied).toEqual([1]);
  });

  describe('while the old server writes', () => {
    const change = async (isWriter: boolean): Promise<void> => {
      role = Object.assign(role, { isWriter, epoch: role.epoch + 1 });
      bus.publish('legacy-roles.adopted', null);
      await pass(1);
    };
    const storeAndOffer = (n: number): void => {
      fake.stored.push({ n, atMs: clock.atMs });
      fake.offer([n]);
    };

    it('passes over what the old server has got too', async () => {
      await change(false);
      mirror.start(newJobs());
      await pass(1);
      storeAndOffer(1);
      await pass(31_000);
      expect([fake.copied, fake.cursor]).toEqual([[], clock.atMs - 1_000]);
      expect(mirror.lagMs).toBe(0);
    });

    it('stops before an item that only this service has, and writes it when it writes again', async () => {
      mirror.start(newJobs());
      await pass(1);
      await change(false);
      fake.ours = [1];
      storeAndOffer(1);
      const storedMs = clock.atMs;
      for (let n = 2; n < 5; n += 1) {
        await pass(31_000);
        storeAndOffer(n);
      }
      expect([fake.copied, mirror.lagMs]).toEqual([[], 0]);
      expect(fake.cursor).toBeLessThanOrEqual(storedMs);
      await change(true);
      await pass(1);
      expect(fake.copied[0]).toBe(1);
      expect(fake.cursor).toBeGreaterThan(storedMs);
    });

    it('does not move the cursor when the role changes during a catch-up', async () => {
      mirror.start(newJobs());
      await pass(1);
      const before = fake.cursor;
      fake.stored = [{ n: 1, atMs: clock.atMs }];
      const write = fake.write.bind(fake);
      fake.write = async (items) => {
        Object.assign(role, { isWriter: false, epoch: 2 });
        return write(items);
      };
      await pass(31_000);
      expect([fake.copied, fake.cursor]).toEqual([[], before]);
    });
  });
});

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { type Clock, DomainError } from '../../core/index.js';
import { storageUnavailable } from '../../database/index.js';
import { type CommitLimit, GroupCommit } from './group-commit.js';

const FAILURE = new TypeError('no such BSON version');
let nowMs = 0;
const clock: Clock = { nowMs: () => nowMs };
interface Item {
  readonly name: string;
  readonly n: number;
}
const item = (name: string, n = 0): Item => ({ name, n });

/** Commits everything but the items that it fails for. */
class StubStorage {
  readonly groups: string[][] = [];
  failsFor = new Map<string, Error>();
  /** Time per item. */
  takesMs = 0;

  commit(items: readonly Item[]): Promise<readonly string[]> {
    this.groups.push(items.map(({ name }) => name));
    nowMs += items.length * this.takesMs;
    for (const { name } of items) {
      const error = this.failsFor.get(name);
      if (error) return Promise.reject(error);
    }
    committed.push(...items.map(({ name }) => name));
    return Promise.resolve(items.map(({ name, n }) => `${name}${n}`));
  }
}

let storage: StubStorage;
let committed: string[];
let unconfirmed: string[];
let groupCommit: GroupCommit<Item, string>;
beforeEach(() => {
  Logger.overrideLogger(false);
  storage = new StubStorage();
  committed = [];
  unconfirmed = [];
  groupCommit = new GroupCommit<Item, string>({
    commit: (items) => storage.commit(items),
    onUnconfirmed: (items) => unconfirmed.push(...items.map(({ name }) => name)),
    overloadError: (retryAfterMs) => new DomainError('positions/overloaded', 'full', { retryAfterMs }),
    clock,
  });
});
afterEach(() => Logger.overrideLogger(undefined as never));

const outcomes = async (work: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(work)).map((each) => (each.status === 'fulfilled' ? 'stored' : each.reason));

describe('a request that fails', () => {
  it('fails alone: the rest of its group and the queue are committed', async () => {
    storage.failsFor.set('poison', FAILURE);
    const group = ['a', 'poison', 'b'].map((id) => groupCommit.submit(id, [item(id)]));
    // Too many for the same group: they wait for the next one.
    const behind = groupCommit.submit(
      'a',
      Array.from({ length: 1_000 }, (_, n) => item('c', n)),
    );
    expect(await outcomes([...group, behind])).toEqual(['stored', FAILURE, 'stored', 'stored']);
    expect(storage.groups.map((ids) => ids.length)).toEqual([3, 1, 1, 1, 1_000]);
    expect(committed.slice(0, 3)).toEqual(['a', 'b', 'c']);
    // Storage may have a part of the failed group.
    expect(unconfirmed).toEqual(expect.arrayContaining(['a', 'poison', 'b']));
    expect(groupCommit.waiting).toBe(0);
  });

  it('is not tried again when it was alone in its group', async () => {
    storage.failsFor.set('poison', FAILURE);
    expect(await outcomes([groupCommit.submit('poison', [item('poison')])])).toEqual([FAILURE]);
    expect(storage.groups).toHaveLength(1);
  });
});

describe('an outage', () => {
  it('rejects the whole queue: each request would wait for its own time-out', async () => {
    const outage = storageUnavailable();
    storage.failsFor.set('a', outage);
    const group = ['a', 'b'].map((id) => groupCommit.submit(id, [item(id)]));
    const behind = groupCommit.submit(
      'a',
      Array.from({ length: 1_000 }, (_, n) => item('c', n)),
    );
    expect(await outcomes([...group, behind])).toEqual([outage, outage, outage]);
    expect(storage.groups).toHaveLength(1);
  });

  it('that begins during single commits rejects the rest', async () => {
    const outage = storageUnavailable();
    storage.failsFor.set('poison', FAILURE).set('b', outage);
    const group = ['poison', 'a', 'b', 'c'].map((id) => groupCommit.submit(id, [item(id)]));
    expect(await outcomes(group)).toEqual([FAILURE, 'stored', outage, outage]);
  });
});

describe('a commit that is slower than the requests', () => {
  const batch = (n: number): Item[] => Array.from({ length: 500 }, (_, i) => item('a', n * 500 + i));
  const refusals = async (work: readonly Promise<unknown>[]) =>
    (await outcomes(work)).filter((outcome) => outcome !== 'stored');

  it('queues about 3 s of work and rejects the rest at once', async () => {
    storage.takesMs = 1.5;
    await Promise.all([1, 2].map((n) => groupCommit.submit('a', batch(n))));
    const refused = await refusals(
      Array.from({ length: 20 }, (_, n) => groupCommit.submit('a', batch(10 + n))),
    );
    // 667 items a second: 2,000 fit, 8,000 do not.
    expect(refused).toHaveLength(16);
    expect(refused[0]).toMatchObject({ code: 'positions/overloaded', retryAfterMs: 3_000 });
    expect(storage.groups.at(-1)).toHaveLength(1_000);
  });

  it('always queues one group, and more again when it becomes faster', async () => {
    storage.takesMs = 60;
    await groupCommit.submit('a', batch(0));
    expect(await refusals([1, 2, 3].map((n) => groupCommit.submit('a', batch(n))))).toHaveLength(1);
    storage.takesMs = 0.1;
    for (let n = 0; n < 8; n += 1) await groupCommit.submit('a', batch(100 + n));
    expect(
      await refusals(Array.from({ length: 40 }, (_, n) => groupCommit.submit('a', batch(200 + n)))),
    ).toEqual([]);
  });
});

describe('results', () => {
  it('go to the request of their items, in the order of its items', async () => {
    const [one, two] = await Promise.all([
      groupCommit.submit('a', [item('a', 1), item('b', 2)]),
      groupCommit.submit('c', [item('c', 3)]),
    ]);
    expect([one, two]).toEqual([['a1', 'b2'], ['c3']]);
    expect(storage.groups).toEqual([['a', 'b', 'c']]);
  });
});

describe('a group while one is in progress', () => {
  const LARGE = 300;
  let pending: { readonly names: ReadonlySet<string>; readonly end: () => void }[];
  let slow: GroupCommit<Item, string>;
  const large = (key: string, count = LARGE): Promise<unknown> =>
    slow.submit(
      key,
      Array.from({ length: count }, (_, n) => item(key, n)),
    );
  const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const inProgress = (): string[] => pending.map(({ names }) => [...names].join());
  beforeEach(() => {
    pending = [];
    slow = new GroupCommit<Item, string>({
      commit: (items) =>
        new Promise((resolve) => {
          const one = {
            names: new Set(items.map(({ name }) => name)),
            end: () => {
              pending = pending.filter((each) => each !== one);
              resolve(items.map(({ name, n }) => `${name}${n}`));
            },
          };
          pending.push(one);
        }),
      onUnconfirmed: () => undefined,
      overloadError: () => new Error('full'),
      clock,
    });
  });

  afterEach(async () => {
    for (; pending.length > 0; await turn()) for (const { end } of pending) end();
  });

  it('starts when it is large, but not a third one', async () => {
    const first = large('a');
    await turn();
    const others = [large('b'), large('c', 800)];
    await turn();
    expect(inProgress()).toEqual(['a', 'b']);
    expect([slow.waiting, slow.committingSinceMs]).toEqual([1_400, nowMs]);
    pending.at(-1)?.end();
    await others[0];
    await turn();
    expect(inProgress()).toEqual(['a', 'c']);
    for (const { end } of pending) end();
    await Promise.all([first, ...others]);
    expect([slow.waiting, slow.committingSinceMs]).toEqual([0, null]);
  });

  it('waits when it is small', async () => {
    void large('a', 1);
    await turn();
    const small = large('b', LARGE - 1);
    await turn();
    expect(inProgress()).toEqual(['a']);
    void large('c', 1);
    await turn();
    expect(inProgress()).toEqual(['a', 'b,c']);
    pending.at(-1)?.end();
    await small;
  });

  it('has no key of it: requests of one vehicle keep their order', async () => {
    void large('a');
    await turn();
    const order: string[] = [];
    const again = large('a').then(() => order.push('a'));
    const behind = large('b').then(() => order.push('b'));
    await turn();
    expect(inProgress()).toEqual(['a']);
    pending[0]?.end();
    await turn();
    expect(inProgress()).toEqual(['a,b']);
    pending[0]?.end();
    await Promise.all([again, behind]);
    expect(order).toEqual(['a', 'b']);
  });

  it('is awaited by waitForPending too', async () => {
    void large('a');
    await turn();
    void large('b');
    await turn();
    let isDone = false;
    const done = slow.waitForPending().then(() => (isDone = true));
    pending[0]?.end();
    await turn();
    expect([inProgress(), isDone]).toEqual([['b'], false]);
    pending[0]?.end();
    await done;
  });

  it('measures the throughput of both together', async () => {
    const at = (ms: number): void => void (nowMs = ms);
    const refused = async (key: string): Promise<boolean> => {
      const [outcome] = await Promise.allSettled([Promise.race([large(key, 2_999), turn()])]);
      return outcome?.status === 'rejected';
    };
    at(0);
    void large('a', 1_000);
    await turn();
    void large('b', 1_000);
    await turn();
    at(1_000);
    pending[0]?.end();
    await turn();
    at(2_000);
    pending[0]?.end();
    await turn();
    // 1,000 a second, and not 667: 3,000 may wait.
    void large('c');
    await turn();
    expect(await refused('c')).toBe(false);
    expect(await refused('c')).toBe(true);
  });
});

describe('a commit that never ends', () => {
  afterEach(() => void jest.useRealTimers());

  it('is given up after 60 s: its limit is over, its items are unconfirmed, and the next group starts', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const limits: CommitLimit[] = [];
    const stuck = new GroupCommit<Item, string>({
      commit: (items, limit) => {
        limits.push(limit);
        return limits.length === 1 ? new Promise(() => undefined) : storage.commit(items);
      },
      onUnconfirmed: (items) => unconfirmed.push(...items.map(({ name }) => name)),
      overloadError: () => new Error('full'),
      clock,
    });
    const first = stuck.submit('a', [item('a')]);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    jest.advanceTimersByTime(60_000);
    await expect(first).rejects.toMatchObject({ code: 'storage/unavailable' });
    expect([limits[0]?.error, unconfirmed]).toEqual([await first.catch((error: unknown) => error), ['a']]);
    expect(await stuck.submit('b', [item('b')])).toEqual(['b0']);
    expect(limits[1]?.error).toBeNull();
  });
});

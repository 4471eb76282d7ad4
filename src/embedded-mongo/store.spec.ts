import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from './errors.js';
import { Store } from './store.js';

let directory: string;
let store: Store;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'samserver-store-'));
  store = new Store(directory, true, (error) => {
    throw error;
  });
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const key = (n: number): Buffer => Buffer.of(1, n);
const put = (n: number) => (): void => store.put(key(n), Buffer.of(n));

describe('the store', () => {
  it('runs the jobs of one turn in one transaction', async () => {
    const seen: unknown[] = [];
    const all = [1, 2, 3].map((n) =>
      store.write(() => {
        put(n)();
        seen.push(store.get(key(n - 1))?.[0]);
        return n;
      }),
    );
    expect(store.get(key(1))).toBeUndefined();
    expect(await Promise.all(all)).toEqual([1, 2, 3]);
    expect(seen).toEqual([undefined, 1, 2]);
  });

  it('rolls back a failed job, and no other', async () => {
    const rolledBack = jest.fn();
    store.onRollback(rolledBack);
    const [first, broken, last] = [
      store.write(put(1)),
      store.write(() => {
        put(2)();
        throw new CommandError(2, 'no');
      }),
      store.write(put(3)),
    ];
    await expect(broken).rejects.toThrow('no');
    await Promise.all([first, last]);
    expect([1, 2, 3].map((n) => store.get(key(n))?.[0])).toEqual([1, undefined, 3]);
    expect(rolledBack).toHaveBeenCalled();
  });

  it('reads ranges in both directions, without the end', async () => {
    await store.write(() => [1, 2, 3, 4].forEach((n) => put(n)()));
    const read = (isReverse: boolean): unknown[] =>
      [...store.range({ start: key(2), end: key(4) }, isReverse)].map(({ value }) => value[0]);
    expect(read(false)).toEqual([2, 3]);
    expect(read(true)).toEqual([3, 2]);
  });
});

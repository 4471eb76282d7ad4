import { describe, expect, it } from '@jest/globals';
import { BatchedLookup } from './batched-lookup.js';

describe('BatchedLookup', () => {
  it('sends one query for simultaneous look-ups, and one for look-ups that arrive during it', async () => {
    const asked: (readonly string[])[] = [];
    let endFirstQuery: () => void = () => undefined;
    const firstQueryEnds = new Promise<void>((resolve) => (endFirstQuery = resolve));
    const lookup = new BatchedLookup(async (ids) => {
      asked.push(ids);
      await firstQueryEnds;
      return ids.filter((id) => id !== 'unknown').map((id) => ({ id }));
    });
    const first = [lookup.get('a'), lookup.get('unknown'), lookup.get('a')];
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const second = [lookup.get('b'), lookup.get('c')];
    endFirstQuery();
    expect(await Promise.all([...first, ...second])).toEqual([
      { id: 'a' },
      null,
      { id: 'a' },
      { id: 'b' },
      { id: 'c' },
    ]);
    expect(asked).toEqual([
      ['a', 'unknown'],
      ['b', 'c'],
    ]);
  });

  it('sends at most 500 ids in one query', async () => {
    const sizes: number[] = [];
    const lookup = new BatchedLookup(async (ids) => {
      sizes.push(ids.length);
      return ids.map((id) => ({ id }));
    });
    await Promise.all(Array.from({ length: 1_100 }, (_, n) => lookup.get(String(n))));
    expect(sizes).toEqual([500, 500, 100]);
  });

  it('rejects all look-ups of a failed query, and continues with the next', async () => {
    let isDown = true;
    const lookup = new BatchedLookup(async (ids) => {
      if (isDown) throw new Error('down');
      return ids.map((id) => ({ id }));
    });
    const asked = await Promise.allSettled([lookup.get('a'), lookup.get('b')]);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isDown = false;
    expect(await lookup.get('a')).toEqual({ id: 'a' });
  });
});

import { describe, expect, it } from '@jest/globals';
import { BatchedLookup } from './batched-lookup.js';

describe('BatchedLookup', () => {
  it('asks once for all who ask together, and for the rest while that is on its way', async () => {
    const asked: (readonly string[])[] = [];
    const lookup = new BatchedLookup(async (ids) => {
      asked.push(ids);
      await new Promise((resolve) => setTimeout(resolve, 10));
      return ids.filter((id) => id !== 'nobody').map((id) => ({ id }));
    });
    const first = [lookup.get('a'), lookup.get('nobody'), lookup.get('a')];
    await new Promise((resolve) => setTimeout(resolve, 3));
    const second = [lookup.get('b'), lookup.get('c')];
    expect(await Promise.all([...first, ...second])).toEqual([
      { id: 'a' },
      null,
      { id: 'a' },
      { id: 'b' },
      { id: 'c' },
    ]);
    expect(asked).toEqual([
      ['a', 'nobody'],
      ['b', 'c'],
    ]);
  });

  it('takes at most 500 at a time', async () => {
    const sizes: number[] = [];
    const lookup = new BatchedLookup(async (ids) => {
      sizes.push(ids.length);
      return ids.map((id) => ({ id }));
    });
    await Promise.all(Array.from({ length: 1_100 }, (_, n) => lookup.get(String(n))));
    expect(sizes).toEqual([500, 500, 100]);
  });

  it('tells everybody of a batch that it failed, and goes on', async () => {
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

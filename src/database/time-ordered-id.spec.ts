import { describe, expect, it } from '@jest/globals';
import { timeOrderedId, timeOrderedIdBounds } from './time-ordered-id.js';

const VEHICLE = '66f0c0ffee0123456789abcd';
const NEXT_VEHICLE = '66f0c0ffee0123456789abce';
const sorted = (ids: readonly Buffer[]): Buffer[] => [...ids].sort((a, b) => Buffer.compare(a, b));

describe('a time-ordered id', () => {
  it('has the bytes that earlier releases stored', () => {
    const id = timeOrderedId(VEHICLE, Date.UTC(2026, 10, 1));
    expect(id.toString('hex')).toBe(`${VEHICLE}800001a19467e800`);
    expect(timeOrderedId(VEHICLE, 1).toString('hex')).toBe(`${VEHICLE}8000000000000001`);
    expect(timeOrderedId(VEHICLE, -1).toString('hex')).toBe(`${VEHICLE}7fffffffffffffff`);
  });

  it('orders by vehicle, then by time, also before 1970', () => {
    const ids = [
      timeOrderedId(VEHICLE, -62_135_596_800_000),
      timeOrderedId(VEHICLE, -1),
      timeOrderedId(VEHICLE, 0),
      timeOrderedId(VEHICLE, 255),
      timeOrderedId(VEHICLE, 256),
      timeOrderedId(VEHICLE, Date.UTC(2026, 10, 1)),
      timeOrderedId(NEXT_VEHICLE, -1),
    ];
    expect(sorted([...ids].reverse())).toEqual(ids);
  });

  it('leaves further bytes at zero', () => {
    const id = timeOrderedId(VEHICLE, 5, 21);
    expect(id.toString('hex')).toBe(`${VEHICLE}800000000000000500`);
  });

  it.each([20, 21, 28])('has bounds of %i bytes that include its vehicle only', (sizeBytes) => {
    const { lowest, highest } = timeOrderedIdBounds(VEHICLE, sizeBytes);
    const own = timeOrderedId(VEHICLE, 0, sizeBytes);
    const next = timeOrderedId(NEXT_VEHICLE, -(2 ** 53), sizeBytes);
    expect([lowest.length, highest.length]).toEqual([sizeBytes, sizeBytes]);
    expect(sorted([next, highest, own, lowest])).toEqual([lowest, own, highest, next]);
  });
});

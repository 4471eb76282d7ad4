import { describe, expect, it } from '@jest/globals';
import { positionId, positionIdBounds } from './position-id.js';

const a = '66f0c0ffee0123456789abcd';
const b = '66f0c0ffee0123456789abce';

describe('positionId', () => {
  it('sorts by vehicle, then by time, also before 1970', () => {
    const inOrder = [
      positionId(a, -2_147_483_647_793),
      positionId(a, -1),
      positionId(a, 0),
      positionId(a, 1),
      positionId(a, 1_410_324_847_000),
      positionId(b, -5),
    ];
    expect([...inOrder].reverse().sort((one, other) => Buffer.compare(one, other))).toEqual(inOrder);
  });

  it('lies within its vehicle’s bounds and outside another’s', () => {
    const { lowest, highest } = positionIdBounds(a);
    for (const timeMs of [-8_640_000_000_000, 0, 8_640_000_000_000]) {
      expect(Buffer.compare(lowest, positionId(a, timeMs))).toBe(-1);
      expect(Buffer.compare(positionId(a, timeMs), highest)).toBe(-1);
      expect(Buffer.compare(highest, positionId(b, timeMs))).toBe(-1);
    }
  });
});

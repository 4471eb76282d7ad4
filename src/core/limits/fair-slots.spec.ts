import { beforeEach, describe, expect, it } from '@jest/globals';
import { FairSlots, type Slot } from './fair-slots.js';

const SAFE_MS = 5_000;
let slots: FairSlots;
let cut: string[];
beforeEach(() => {
  slots = new FairSlots(4, SAFE_MS);
  cut = [];
});

/** Opens slots named after their caller and a number, as in `a1`. */
const open = (names: string, nowMs = 0): (Slot | null)[] =>
  names.split(' ').map((name) => slots.open(name.slice(0, 1), nowMs, () => cut.push(name)));

describe('FairSlots', () => {
  it('gives one caller all slots while no other needs one, and a slot again after its release', () => {
    const [first] = open('a1 a2 a3 a4');
    expect([open('a5'), cut]).toEqual([[null], []]);
    first?.release();
    first?.release();
    expect(open('a6 a7').map((slot) => slot !== null)).toEqual([true, false]);
  });

  it('cuts the oldest request of the caller with most slots, until all callers have the same number', () => {
    const [first, second] = open('a1 a2 a3 a4');
    expect(open('b1 b2').map((slot) => slot?.isCut)).toEqual([false, false]);
    expect([cut, first?.isCut, second?.isCut]).toEqual([['a1', 'a2'], true, true]);
    first?.release();
    expect([open('b3'), cut]).toEqual([[null], ['a1', 'a2']]);
    open('c1 d1');
    expect([open('e1'), cut]).toEqual([[null], ['a1', 'a2', 'a3', 'b1']]);
  });

  it('cuts the oldest request of all when it is not safe any more, also one of the same caller', () => {
    open('a1');
    open('b1 c1 d1', 1_000);
    expect([open('e1', SAFE_MS), cut]).toEqual([[null], []]);
    expect([open('e1', SAFE_MS + 1)[0]?.isCut, open('a2', SAFE_MS + 1), cut]).toEqual([
      false,
      [null],
      ['a1'],
    ]);
    expect([open('c2', SAFE_MS + 1_001)[0]?.isCut, cut]).toEqual([false, ['a1', 'b1']]);
  });
});

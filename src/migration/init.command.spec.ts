import { describe, expect, it } from '@jest/globals';
import { planInit } from './init.command.js';

const makeId = (): string => 'new';

describe('planInit', () => {
  it.each([
    [
      { database: null, volume: undefined },
      { kind: 'write', id: 'new', places: ['database'] },
    ],
    [
      { database: null, volume: null },
      { kind: 'write', id: 'new', places: ['database', 'volume'] },
    ],
    [
      { database: 'a', volume: null },
      { kind: 'write', id: 'a', places: ['volume'] },
    ],
    [
      { database: null, volume: 'b' },
      { kind: 'write', id: 'b', places: ['database'] },
    ],
    [
      { database: 'a', volume: 'a' },
      { kind: 'done', id: 'a' },
    ],
    [
      { database: 'a', volume: undefined },
      { kind: 'done', id: 'a' },
    ],
    [
      { database: 'a', volume: 'b' },
      { kind: 'refused', database: 'a', volume: 'b' },
    ],
  ])('%j → %j', (facts, plan) => {
    expect(planInit(facts, makeId)).toEqual(plan);
  });
});

import { describe, expect, it } from '@jest/globals';
import { beginRollout, type Rollout, type RolloutPhase, stepRollout } from './rollout.js';

const at = new Date('2026-11-24T03:00:00Z');
const start = { from: 'old', to: 'blue', by: 'night shift', why: 'go' } as const;
const step = (phase: RolloutPhase, weightPct: number) => ({
  phase,
  weightPct,
  by: 'night shift',
  why: 'next',
});
const through = (...steps: [RolloutPhase, number][]): Rollout =>
  steps.reduce(
    (rollout, [phase, weight]) => stepRollout(rollout, step(phase, weight), at),
    beginRollout(null, 'r', start, at),
  );

describe('a rollout', () => {
  it('runs from parallel through growing weights to complete, and keeps the history', () => {
    const done = through(['shifting', 1], ['shifting', 25], ['soaking', 100], ['complete', 100]);
    expect(done).toMatchObject({ phase: 'complete', weightPct: 100, epoch: 5 });
    expect(done.history.map(({ phase, weightPct }) => [phase, weightPct])).toEqual([
      ['parallel', 0],
      ['shifting', 1],
      ['shifting', 25],
      ['soaking', 100],
      ['complete', 100],
    ]);
  });

  it.each<[string, [RolloutPhase, number][]]>([
    ['rejects complete before a shift', [['complete', 100]]],
    [
      'rejects a shift after a rollback',
      [
        ['rolled_back', 0],
        ['shifting', 10],
      ],
    ],
    ['rejects a weight in phase parallel', [['parallel', 5]]],
    [
      'rejects a weight below 100 in phase soaking',
      [
        ['shifting', 50],
        ['soaking', 50],
      ],
    ],
    ['rejects a weight above 100', [['shifting', 101]]],
    ['rejects a negative weight', [['shifting', -1]]],
    ['rejects a weight that is not a number', [['shifting', NaN]]],
  ])('%s', (_what, steps) => {
    expect(() => through(...steps)).toThrow(RangeError);
  });

  it.each<[RolloutPhase, number][]>([[['shifting', 50]], [['shifting', 100]]])(
    'can be rolled back from %j',
    (...from) => {
      expect(through(...from, ['rolled_back', 0])).toMatchObject({ phase: 'rolled_back', weightPct: 0 });
    },
  );

  it('begins only when no rollout is in progress, and continues the epoch', () => {
    const over = through(['shifting', 10], ['rolled_back', 0]);
    expect(beginRollout(over, 's', start, at)).toMatchObject({
      id: 's',
      phase: 'parallel',
      epoch: over.epoch + 1,
    });
    expect(() => beginRollout(through(['shifting', 10]), 's', start, at)).toThrow(RangeError);
    expect(() => beginRollout(null, 's', { ...start, to: 'old' }, at)).toThrow(RangeError);
  });
});

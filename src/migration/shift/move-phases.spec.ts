import { describe, expect, it } from '@jest/globals';
import { assertNextPhase, isNextPhase, MOVE_PHASES, type MovePhase } from './move-phases.js';

const ALLOWED = [
  'none>shadow',
  'shadow>one',
  'one>half',
  'half>all',
  'half>one',
  'all>soak',
  'all>half',
  'soak>complete',
  'soak>half',
  'complete>done',
  'rolled-back>shadow',
];

describe('the phases of a move', () => {
  it('allow one step forward, a smaller share, and nothing else', () => {
    const all: readonly MovePhase[] = [...MOVE_PHASES, 'rolled-back'];
    const allowed = [null, ...all].flatMap((from) =>
      all.filter((to) => isNextPhase(from, to)).map((to) => `${from ?? 'none'}>${to}`),
    );
    expect(allowed.sort()).toEqual([...ALLOWED].sort());
  });

  it('name what can follow', () => {
    expect(() => assertNextPhase('one', 'all')).toThrow('phase all cannot follow phase one; these can: half');
    expect(() => assertNextPhase(null, 'half')).toThrow('a move that was not started');
    expect(() => assertNextPhase('done', 'half')).toThrow('no phase can');
  });
});

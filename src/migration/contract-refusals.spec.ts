import { describe, expect, it } from '@jest/globals';
import type { SchemaStep } from '../database/index.js';
import type { RolloutPhase } from '../deployment/index.js';
import { type ContractFacts, contractRefusals } from './contract-refusals.js';

const NOW_MS = Date.UTC(2026, 0, 10);
const HOUR_MS = 3_600_000;
const step = (version: number): SchemaStep => ({
  version,
  name: 'made-up',
  kind: version === 3 ? 'contract' : 'expand',
  up: async () => undefined,
});
const instance = (schemaMin: number, schemaMax: number) => ({
  id: 'a',
  version: '2.0.0',
  color: 'blue' as const,
  schemaMin,
  schemaMax,
});
const GOOD: ContractFacts = {
  step: step(3),
  first: [],
  alive: [instance(2, 3), instance(3, 5)],
  rollout: null,
  backup: { kind: 'found', changedAtMs: NOW_MS - HOUR_MS },
  isConfirmed: true,
  nowMs: NOW_MS,
};

describe('contractRefusals', () => {
  it('has none when no check refuses the step', () => {
    expect(contractRefusals(GOOD)).toEqual([]);
  });

  it.each<[string, Partial<ContractFacts>, string]>([
    [
      'expand steps come first',
      { first: [step(2)] },
      'step 2 (0002-made-up, expand) comes first: samserver schema up',
    ],
    [
      'a release that is too old',
      { alive: [instance(1, 2)] },
      'instance a (2.0.0 blue) is alive and works with schema 1 to 2 only',
    ],
    ['a release that is too new', { alive: [instance(4, 5)] }, 'works with schema 4 to 5 only'],
    ['no backup', { backup: { kind: 'none' } }, '--backup <path> is missing'],
    ['a missing backup', { backup: { kind: 'missing' } }, '--backup: nothing is there'],
    ['an empty backup', { backup: { kind: 'empty' } }, '--backup: there is nothing in it'],
    [
      'an old backup',
      { backup: { kind: 'found', changedAtMs: NOW_MS - 25 * HOUR_MS } },
      'more than 24 hours ago',
    ],
    [
      'a backup with a time in the future',
      { backup: { kind: 'found', changedAtMs: NOW_MS + HOUR_MS } },
      'still to come',
    ],
    ['no confirmation', { isConfirmed: false }, '--yes is missing: with schema 3 the way back ends'],
  ])('names %s', (_, fault, text) => {
    const refusals = contractRefusals({ ...GOOD, ...fault });
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toContain(text);
  });

  it.each<[RolloutPhase, number]>([
    ['idle', 0],
    ['parallel', 1],
    ['shifting', 1],
    ['soaking', 1],
    ['complete', 0],
    ['rolled_back', 0],
  ])('a rollout in phase %s is a reason: %i', (phase, count) => {
    const refusals = contractRefusals({ ...GOOD, rollout: { phase, weightPct: 25 } });
    expect(refusals).toEqual(count === 0 ? [] : [`a rollout is under way: ${phase}, 25 %`]);
  });

  it('lists all of them at once', () => {
    const refusals = contractRefusals({
      ...GOOD,
      first: [step(1), step(2)],
      alive: [instance(1, 1), instance(1, 2), instance(1, 3)],
      rollout: { phase: 'shifting', weightPct: 5 },
      backup: { kind: 'none' },
      isConfirmed: false,
    });
    expect(refusals).toHaveLength(6);
  });
});

import { describe, expect, it } from '@jest/globals';
import { planContract, planUp } from './schema-plan.js';
import { startedContraction, type StepRecord, EMPTY_SCHEMA_STATE, withStepRecord } from './schema-state.js';
import type { SchemaStep, StepKind } from './schema-step.js';

const step = (version: number, kind: StepKind = 'expand'): SchemaStep => ({
  version,
  name: 'made-up',
  kind,
  up: async () => undefined,
});
const STEPS = [step(1), step(2), step(3, 'contract'), step(4), step(5, 'contract')];
const at = (version: number) => ({ ...EMPTY_SCHEMA_STATE, version });
const versions = (steps: readonly SchemaStep[]) => steps.map(({ version }) => version);

describe('planUp', () => {
  it.each([
    [0, [1, 2], 3],
    [1, [2], 3],
    [2, [], 3],
    [3, [4], 5],
    [5, [], undefined],
    [9, [], undefined],
  ])('from version %i runs %j and ends at the contract step %s', (current, run, stopsAt) => {
    const plan = planUp(at(current), STEPS);
    expect([plan.current, versions(plan.run), plan.stopsAt?.version]).toEqual([current, run, stopsAt]);
  });
});

describe('planContract', () => {
  it.each([
    [1, 3, [2]],
    [2, 3, []],
    [4, 5, []],
    [5, undefined, []],
  ])('from version %i contracts to %s after %j', (current, target, first) => {
    const plan = planContract(at(current), STEPS);
    expect([plan.step?.version, versions(plan.first)]).toEqual([target, first]);
  });
});

const record = (version: number, epoch: number): StepRecord => ({
  version,
  name: 'made-up',
  kind: 'expand',
  owner: 'a',
  epoch,
  startedAt: new Date(0),
  finishedAt: null,
  error: null,
});

describe('the state', () => {
  it('keeps the newest attempt of each step, in order', () => {
    const steps = [record(2, 7), record(1, 7)].reduce(withStepRecord, [
      record(1, 6),
    ] as readonly StepRecord[]);
    expect(steps.map(({ version, epoch }) => [version, epoch])).toEqual([
      [1, 7],
      [2, 7],
    ]);
  });

  it('keeps an announcement only after its step has begun', () => {
    expect(startedContraction({ ...at(2), contractingTo: 3 })).toBeNull();
    expect(startedContraction({ ...at(2), contractingTo: 3, steps: [record(3, 1)] })).toBe(3);
    expect(startedContraction(at(2))).toBeNull();
  });
});

import { expect, it } from '@jest/globals';
import { deterministicId } from './deterministic-id.js';

it('is equal for equal arguments, different for others, and sorts by time', () => {
  expect(deterministicId('tracking', 1_700_000_000_123, 'a')).toBe(
    deterministicId('tracking', 1_700_000_000_123, 'a'),
  );
  const others = new Set([
    deterministicId('tracking', 1_700_000_000_123, 'a'),
    deterministicId('tracking', 1_700_000_000_124, 'a'),
    deterministicId('tracking', 1_700_000_000_123, 'b'),
    deterministicId('pictures', 1_700_000_000_123, 'a'),
  ]);
  expect(others.size).toBe(4);
  expect([...others].every((id) => /^6553f100[0-9a-f]{16}$/.test(id))).toBe(true);
  expect(deterministicId('tracking', -5, 'a')).toMatch(/^00000000/);
});

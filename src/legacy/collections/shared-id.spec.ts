import { expect, it } from '@jest/globals';
import { sharedId } from './shared-id.js';

it('is the same for the same thing, another for another, and sorts by time', () => {
  expect(sharedId('tracking', 1_700_000_000_123, 'a')).toBe(sharedId('tracking', 1_700_000_000_123, 'a'));
  const others = new Set([
    sharedId('tracking', 1_700_000_000_123, 'a'),
    sharedId('tracking', 1_700_000_000_124, 'a'),
    sharedId('tracking', 1_700_000_000_123, 'b'),
    sharedId('pictures', 1_700_000_000_123, 'a'),
  ]);
  expect(others.size).toBe(4);
  expect([...others].every((id) => /^6553f100[0-9a-f]{16}$/.test(id))).toBe(true);
  expect(sharedId('tracking', -5, 'a')).toMatch(/^00000000/);
});

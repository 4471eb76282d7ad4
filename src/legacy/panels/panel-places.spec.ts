import { describe, expect, it } from '@jest/globals';
import { panelWithoutPlace } from './panel-places.js';

const LIMITS = { maxPanels: 6, maxPanelsPerAddress: 3 };
const panels = (networks: string): { network: string; n: number }[] =>
  [...networks].map((network, n) => ({ network, n }));
const closed = (networks: string): number | null => panelWithoutPlace(panels(networks), LIMITS)?.n ?? null;

describe('the places of panels', () => {
  it('are enough for every panel within both limits', () => {
    expect([closed(''), closed('a'), closed('aaa'), closed('aaabbb')]).toEqual([null, null, null, null]);
  });

  it('are limited for each address: the newest panel of the address has none', () => {
    expect([closed('aaaa'), closed('aaabbba')]).toEqual([3, 6]);
  });

  it('are given to an address with fewer panels when all are taken', () => {
    expect(closed('aaabbbc')).toBe(2);
    expect(closed('abbbaac')).toBe(5);
  });

  it('stay with the panels that have them when the addresses have the same number', () => {
    expect(closed('abcdefg')).toBe(6);
    expect(closed('aabbccb')).toBe(6);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { ComparedItem, Finding, Side } from './compared-item.js';
import { WindowMatcher } from './window-matcher.js';

const LAG_MS = 5_000;

function item(key: string, atS: number, fields: Record<string, unknown> = {}): ComparedItem {
  return { kind: 'picture', box: '291', atMs: atS * 1_000, keys: key.split('|'), fields };
}

/** Adds all items of both sides and settles. @returns `type side key @seconds` of each finding */
function compare(
  sides: Readonly<Record<Side, readonly ComparedItem[]>>,
  isUnique = true,
): { found: string[]; findings: Finding[]; matched: number } {
  const findings: Finding[] = [];
  let matched = 0;
  const matcher = new WindowMatcher({
    lagMs: LAG_MS,
    isUnique,
    onFinding: (finding) => findings.push(finding),
    onMatch: () => (matched += 1),
  });
  for (const each of sides.old) matcher.add('old', each);
  for (const each of sides.samserver) matcher.add('samserver', each);
  matcher.settle(() => true);
  expect(matcher.size).toBe(0);
  const found = findings.map(({ type, side, atMs, fields }) => {
    const { old, samserver } = (fields['key'] ?? {}) as { old?: string; samserver?: string };
    return `${type} ${side} ${[old, samserver].filter(Boolean).join('↔')} @${atMs / 1_000}`;
  });
  return { found, findings, matched };
}

const ten = Array.from({ length: 10 }, (_, n) => item(`p${n}`, n));
const shifted = (by: number): ComparedItem[] => ten.map((each) => ({ ...each, atMs: each.atMs + by }));

describe('WindowMatcher', () => {
  it('finds nothing in equal sequences that arrive in another order and within the window', () => {
    expect(compare({ old: ten, samserver: [...shifted(4_900)].reverse() })).toMatchObject({
      found: [],
      matched: 10,
    });
  });

  it('names a missing one on each side', () => {
    expect(compare({ old: ten, samserver: ten.slice(1) }).found).toEqual(['missing samserver p0 @0']);
    expect(compare({ old: ten.slice(0, 9), samserver: ten }).found).toEqual(['missing old p9 @9']);
  });

  it('names a doubled one on each side', () => {
    const again = item('p3', 3.5);
    expect(compare({ old: [...ten, again], samserver: ten }).found).toEqual(['doubled old p3 @3.5']);
    expect(compare({ old: ten, samserver: [...ten, again] }).found).toEqual(['doubled samserver p3 @3.5']);
    expect(compare({ old: ten, samserver: [...ten, again] }).findings[0]?.lagMs).toBe(500);
  });

  it('names another one at the same time, with both keys', () => {
    const other = ten.map((each) => (each.keys[0] === 'p4' ? item('q', 4.2) : each));
    expect(compare({ old: ten, samserver: other }).found).toEqual(['differs samserver p4↔q @4']);
  });

  it('names a field that differs', () => {
    const { findings } = compare({
      old: [item('p', 1, { speed: 36, heading: 90 })],
      samserver: [item('p', 1, { speed: 37, heading: 90 })],
    });
    expect(findings).toMatchObject([{ type: 'differs', fields: { speed: { old: 36, samserver: 37 } } }]);
    expect(Object.keys(findings[0]?.fields ?? {})).toEqual(['speed']);
  });

  it('names one that is late beyond the window, and not one within it', () => {
    const late = (byS: number): ComparedItem[] => [...ten.slice(0, 9), item('p9', 9 + byS)];
    expect(compare({ old: ten, samserver: late(4.9) }).found).toEqual([]);
    const { found, findings } = compare({ old: ten, samserver: late(7) });
    expect(found).toEqual(['late samserver p9↔p9 @9']);
    expect(findings[0]?.lagMs).toBe(7_000);
    expect(compare({ old: late(7), samserver: ten }).found).toEqual(['late old p9↔p9 @9']);
    // After ten windows it is another one.
    expect(compare({ old: ten, samserver: late(60) }).found).toEqual([
      'missing samserver p9 @9',
      'missing old p9 @69',
    ]);
  });

  it('matches by any key', () => {
    expect(compare({ old: [item('raw|clean', 1)], samserver: [item('clean', 1)] }).found).toEqual([]);
    expect(compare({ old: [item('raw|clean', 1)], samserver: [item('raw', 1)] }).found).toEqual([]);
  });

  it('compares values that repeat as a multiset', () => {
    const standing = Array.from({ length: 20 }, (_, n) => item('0.0', n));
    expect(compare({ old: standing, samserver: standing }, false).found).toEqual([]);
    const { found } = compare({ old: standing, samserver: standing.filter((_, n) => n !== 7) }, false);
    expect(found).toEqual([expect.stringMatching(/^missing samserver 0\.0/)]);
  });

  it('holds no more than the horizon while it settles', () => {
    const findings: Finding[] = [];
    const options = { lagMs: 1_000, isUnique: true, onFinding: (each: Finding) => findings.push(each) };
    const matcher = new WindowMatcher(options);
    // From the newest to the oldest, as the stores are read; every hundredth one is missing.
    let largest = 0;
    for (let second = 20_000; second > 0; second -= 1) {
      matcher.add('old', item(`p${second}`, second));
      if (second % 100 !== 0) matcher.add('samserver', item(`p${second}`, second));
      if (second % 100 === 1) matcher.settle((atMs) => atMs > second * 1_000 + matcher.horizonMs);
      largest = Math.max(largest, matcher.size);
    }
    matcher.settle(() => true);
    expect(findings).toHaveLength(200);
    expect(new Set(findings.map(({ type }) => type))).toEqual(new Set(['missing']));
    expect(largest).toBeLessThan(5);
  });

  it('does not decide about an item whose counterpart can still come', () => {
    const findings: Finding[] = [];
    const matcher = new WindowMatcher({
      lagMs: LAG_MS,
      isUnique: true,
      onFinding: (each) => findings.push(each),
    });
    matcher.add('old', item('p', 100));
    matcher.settle((atMs) => atMs > 100_000);
    matcher.add('samserver', item('p', 99));
    matcher.settle(() => true);
    expect(findings).toEqual([]);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { ComparedItem, Finding, Side } from './compared-item.js';
import {
  oldCrash,
  oldPicture,
  oldTracking,
  samserverCrash,
  samserverPicture,
  trackingAfter,
} from './stored-items.js';
import { WindowMatcher } from './window-matcher.js';

const at = new Date('2026-01-05T10:00:00.250Z');
const head = { id: '695b8b200000000000000000', ambulanceId: 'a', atMs: at.getTime() - 250 };
const receivedAt = new Date(at.getTime() + 40).toISOString();

function differences(old: ComparedItem, samserver: ComparedItem): Record<string, unknown>[] {
  const findings: Finding[] = [];
  const matcher = new WindowMatcher({
    lagMs: 1_000,
    isUnique: true,
    onFinding: (each) => findings.push(each),
  });
  for (const [side, item] of Object.entries({ old, samserver })) matcher.add(side as Side, item);
  matcher.settle(() => true);
  return findings.map(({ type, fields }) => ({ type, fields: Object.keys(fields) }));
}

describe('a crash', () => {
  const old = (more: object = {}) =>
    oldCrash('291', {
      ...head,
      fields: { createdAt: at, location: { lat: 13.75, lon: 100.5 }, speed: 43.2, heading: '271.5', ...more },
    });
  const crash = { id: 'c', reportedAt: receivedAt, lat: 13.75, lon: 100.5, speedMps: 12, headingDeg: 271.5 };

  it('is the same with heading as text and speed in two decimals', () => {
    expect(differences(old(), samserverCrash('291', crash))).toEqual([]);
    const standing = samserverCrash('291', { ...crash, headingDeg: null });
    expect(differences(old({ heading: 'nan' }), standing)).toEqual([]);
  });

  it.each([
    ['speed', { speed: 43.3 }, ['speedKmh']],
    ['heading', { heading: '90' }, ['headingDeg']],
    ['place', { location: { lat: 13.76, lon: 100.5 } }, ['key', 'lat']],
  ])('differs in %s', (_, more, fields) => {
    expect(differences(old(more), samserverCrash('291', crash))).toEqual([{ type: 'differs', fields }]);
  });
});

describe('the document of a vehicle', () => {
  const tracking = (more: object = {}) =>
    oldTracking('291', {
      ...head,
      fields: { updatedAt: at, location: { lat: 13.75, lon: 100.5 }, speed: 44, heading: 90, ...more },
    });
  const position = { lat: 13.75, lon: 100.5, time: receivedAt, receivedAt, speedMps: 12.1, headingDeg: 90 };

  it('is that of a position: speed rounded up, 0 up to 1 km/h, heading 0 without one', () => {
    expect(differences(tracking(), trackingAfter('291', position))).toEqual([]);
    const { headingDeg, ...standing } = { ...position, speedMps: 0.27 };
    expect(headingDeg).toBe(90);
    expect(differences(tracking({ speed: 0, heading: 0 }), trackingAfter('291', standing))).toEqual([]);
  });

  it('differs in a field', () => {
    const after = trackingAfter('291', position);
    expect(differences(tracking({ speed: 45 }), after)).toEqual([{ type: 'differs', fields: ['speed'] }]);
  });
});

describe('a picture', () => {
  it.each([
    ['raw', []],
    ['clean', []],
    ['other', [{ type: 'differs', fields: ['key'] }]],
  ])('with the stored hash %s', (sha256, expected) => {
    const stored = samserverPicture('291', { id: 'i', createdAt: receivedAt, sha256 });
    expect(differences(oldPicture('291', at.getTime(), 'raw', 'clean'), stored)).toEqual(expected);
  });
});

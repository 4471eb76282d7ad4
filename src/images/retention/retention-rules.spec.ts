import { describe, expect, it } from '@jest/globals';
import { appliesTo, rulesFor } from './retention-rules.js';

const GB = 1e9;
const NOW_MS = Date.parse('2026-11-30T12:00:00Z');
const HOUR_MS = 3_600_000;
const SETTINGS = {
  retentionDays: null,
  whenFull: 'replace',
  vehicleQuotaBytes: 50 * GB,
  volumeMaxBytes: null,
  minFreePct: 5,
} as const;
const stored = (more: object = {}) => ({
  bytesByVehicle: new Map([
    ['a', 48 * GB],
    ['b', 10 * GB],
  ]),
  bytes: 58 * GB,
  freeBytes: 50 * GB,
  totalBytes: 100 * GB,
  ...more,
});

describe('the rules of retention', () => {
  it('have the oldest pictures of a vehicle replaced before it has used its quota', () => {
    expect(rulesFor(SETTINGS, stored(), NOW_MS)).toEqual([
      { reason: 'vehicle-size', vehicleId: 'a', beforeMs: NOW_MS - HOUR_MS, excessBytes: 0.5 * GB },
    ]);
  });

  it('delete nothing by default while there is room, and nothing with `refuse`', () => {
    expect(rulesFor(SETTINGS, stored({ bytesByVehicle: new Map() }), NOW_MS)).toEqual([]);
    const full = stored({ freeBytes: 0 });
    expect(rulesFor({ ...SETTINGS, whenFull: 'refuse' }, full, NOW_MS)).toEqual([]);
  });

  it('keep more of the volume free than the uploads and the readiness need', () => {
    const scarce = stored({ bytesByVehicle: new Map(), freeBytes: 9 * GB });
    expect(rulesFor(SETTINGS, scarce, NOW_MS)).toMatchObject([
      { reason: 'free-space', vehicleId: null, excessBytes: 3 * GB },
    ]);
    expect(rulesFor({ ...SETTINGS, minFreePct: 20 }, scarce, NOW_MS)).toMatchObject([
      { excessBytes: 13 * GB },
    ]);
    // No limit of free space, or a volume whose space is not known.
    expect(rulesFor({ ...SETTINGS, minFreePct: 0 }, scarce, NOW_MS)).toEqual([]);
    expect(rulesFor(SETTINGS, { ...scarce, freeBytes: null, totalBytes: null }, NOW_MS)).toEqual([]);
  });

  it('apply an age and a size of the volume that are set, also with `refuse`', () => {
    const settings = { ...SETTINGS, whenFull: 'refuse', retentionDays: 30, volumeMaxBytes: 50 * GB } as const;
    expect(rulesFor(settings, stored(), NOW_MS)).toEqual([
      { reason: 'age', vehicleId: null, beforeMs: NOW_MS - 30 * 24 * HOUR_MS, excessBytes: Infinity },
      { reason: 'volume-size', vehicleId: null, beforeMs: NOW_MS - HOUR_MS, excessBytes: 8 * GB },
    ]);
  });

  it('apply to uploads by age only', () => {
    const [age] = rulesFor({ ...SETTINGS, retentionDays: 1 }, stored(), NOW_MS);
    const [size] = rulesFor(SETTINGS, stored(), NOW_MS);
    const paths = ['samserver/a/2026/01/x.jpg', '291/2026/1/1/1_1/1_1_1001.jpg'];
    const applied = [age, size].map((rule) => paths.map((path) => rule && appliesTo(rule, { path })));
    expect(applied).toEqual([
      [true, true],
      [false, true],
    ]);
  });
});

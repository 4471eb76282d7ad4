import { describe, expect, it } from '@jest/globals';
import { lowSpacePct } from '../volume/free-space.js';
import { appliesTo, rulesFor } from './retention-rules.js';

const GB = 1e9;
const NOW_MS = Date.parse('2026-11-30T12:00:00Z');
const HOUR_MS = 3_600_000;
/** The defaults. */
const SETTINGS = {
  retentionDays: null,
  retentionAdopted: 'keep',
  whenFull: 'refuse',
  vehicleQuotaBytes: 50 * GB,
  volumeMaxBytes: null,
  minFreePct: 5,
} as const;
const REPLACE = { ...SETTINGS, whenFull: 'replace' } as const;
const amount = (gigabytes: number, adopted = 0) => ({
  ...{ count: 1, bytes: gigabytes * GB, uploadBytes: 0, adoptedBytes: adopted * GB },
});
const stored = (more: object = {}) => ({
  byVehicle: new Map([
    ['a', amount(48)],
    ['b', amount(10)],
  ]),
  all: amount(58),
  freeBytes: 50 * GB,
  totalBytes: 100 * GB,
  ...more,
});

describe('the rules of retention', () => {
  it('delete nothing by default, whatever is stored and however little room is left', () => {
    expect(rulesFor(SETTINGS, stored({ all: amount(1e9), freeBytes: 0 }), NOW_MS)).toEqual([]);
  });

  it('have the oldest pictures of a vehicle replaced before it has used its quota', () => {
    expect(rulesFor(REPLACE, stored(), NOW_MS)).toEqual([
      { reason: 'vehicle-size', vehicleId: 'a', beforeMs: NOW_MS - HOUR_MS, excessBytes: 0.5 * GB },
    ]);
  });

  it('delete nothing while there is room', () => {
    expect(rulesFor(REPLACE, stored({ byVehicle: new Map() }), NOW_MS)).toEqual([]);
  });

  it('count adopted pictures only when they may be deleted', () => {
    const adopted = stored({ byVehicle: new Map([['a', amount(48, 40)]]), all: amount(58, 40) });
    const settings = { ...REPLACE, volumeMaxBytes: 20 * GB } as const;
    expect(rulesFor(settings, adopted, NOW_MS)).toEqual([]);
    expect(rulesFor({ ...settings, retentionAdopted: 'delete' }, adopted, NOW_MS)).toMatchObject([
      { reason: 'vehicle-size', excessBytes: 0.5 * GB },
      { reason: 'volume-size', excessBytes: 38 * GB },
    ]);
  });

  it('keep more of the volume free than the uploads and the readiness need', () => {
    const scarce = stored({ byVehicle: new Map(), freeBytes: 9 * GB });
    expect(rulesFor(REPLACE, scarce, NOW_MS)).toMatchObject([
      { reason: 'free-space', vehicleId: null, excessBytes: 3 * GB },
    ]);
    expect(rulesFor({ ...REPLACE, minFreePct: 20 }, scarce, NOW_MS)).toMatchObject([
      { excessBytes: 18 * GB },
    ]);
    // No limit of free space, or a volume whose space is not known.
    expect(rulesFor({ ...REPLACE, minFreePct: 0 }, scarce, NOW_MS)).toEqual([]);
    expect(rulesFor(REPLACE, { ...scarce, freeBytes: null, totalBytes: null }, NOW_MS)).toEqual([]);
  });

  it('apply an age and a size of the volume that are set, also with `refuse`', () => {
    const settings = { ...SETTINGS, retentionDays: 30, volumeMaxBytes: 50 * GB };
    expect(rulesFor(settings, stored(), NOW_MS)).toEqual([
      { reason: 'age', vehicleId: null, beforeMs: NOW_MS - 30 * 24 * HOUR_MS, excessBytes: Infinity },
      { reason: 'volume-size', vehicleId: null, beforeMs: NOW_MS - HOUR_MS, excessBytes: 8 * GB },
    ]);
  });

  it('apply to uploads by age only, and to adopted pictures only when that is set', () => {
    const images = [
      { path: 'samserver/a/2026/01/x.jpg', origin: 'upload' },
      { path: '291/2026/1/1/1_1/1_1_1001.jpg', origin: 'upload' },
      { path: '291/2025/1/1/1_1/1_1_1001.jpg', origin: 'adopted' },
    ] as const;
    const applied = (reason: 'age' | 'free-space', retentionAdopted: 'keep' | 'delete') =>
      images.map((image) => appliesTo({ reason }, image, { retentionAdopted }));
    expect(applied('age', 'keep')).toEqual([true, true, false]);
    expect(applied('free-space', 'keep')).toEqual([false, true, false]);
    expect(applied('age', 'delete')).toEqual([true, true, true]);
    expect(applied('free-space', 'delete')).toEqual([false, true, true]);
  });

  it('leave the operator time between the warning of low space and the first refused picture', () => {
    expect([0, 5, 10, 50].map(lowSpacePct)).toEqual([10, 10, 15, 55]);
  });
});

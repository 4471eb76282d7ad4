import { describe, expect, it } from '@jest/globals';
import {
  compareStatusChanges,
  type StatusChange,
  statusChangeId,
  statusChangeIdBounds,
} from './status-change.js';

const vehicleId = '66f0c0ffee0123456789abcd';
const change = (at: string, status: StatusChange['status'] = 'available'): StatusChange => ({
  vehicleId,
  status,
  at: new Date(at),
  recordedAt: new Date('2026-11-01T12:00:00Z'),
  by: { kind: 'user', id: vehicleId },
});

describe('a status change', () => {
  it('counts by its time, whatever the status', () => {
    const early = change('2026-11-01T10:00:00.000Z', 'out_of_service');
    const late = change('2026-11-01T10:00:00.001Z', 'available');
    expect(compareStatusChanges(early, late)).toBeLessThan(0);
    expect(compareStatusChanges(late, early)).toBeGreaterThan(0);
    expect(compareStatusChanges(change('1969-12-31T23:59:59Z'), change('1970-01-01T00:00:00Z'))).toBeLessThan(
      0,
    );
  });

  it('is the same when another source sends it again', () => {
    const again = { ...change('2026-11-01T10:00:00Z'), by: { kind: 'device', id: 'x' } as const };
    expect(compareStatusChanges(change('2026-11-01T10:00:00Z'), again)).toBe(0);
  });

  it('lies within its vehicle’s bounds', () => {
    const { lowest, highest } = statusChangeIdBounds(vehicleId);
    const id = statusChangeId(change('2026-11-01T10:00:00Z', 'out_of_service'));
    expect([highest, id, lowest].sort((a, b) => Buffer.compare(a, b))).toEqual([lowest, id, highest]);
  });
});

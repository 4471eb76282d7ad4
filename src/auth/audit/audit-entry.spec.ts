import { describe, expect, it } from '@jest/globals';
import { nextAuditId } from './audit-entry.js';

describe('nextAuditId', () => {
  it('orders ids by creation, also within a millisecond and when the clock is set back', () => {
    const now = Date.parse('2026-11-01T10:00:00Z');
    const times = [...Array<number>(70_000).fill(now), now - 5_000, now + 1, now + 100];
    const ids = times.map(nextAuditId);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
    expect(ids.every((id) => /^[0-9a-f]{24}$/.test(id))).toBe(true);
    expect(parseInt(ids[0]?.slice(0, 12) ?? '', 16)).toBe(now);
  });
});

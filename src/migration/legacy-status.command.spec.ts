import { describe, expect, it } from '@jest/globals';
import type { LegacyClient, LegacyClientKind } from '../legacy/status/index.js';
import { legacyStatus, statusLines } from './legacy-status.command.js';

const NOW = new Date('2026-11-26T10:00:00.000Z');
const client = (kind: LegacyClientKind, name: string, daysAgo: number): LegacyClient => ({
  kind,
  name,
  way: 'socket_port',
  dialect: 'json',
  lastAddress: name === '291' ? '198.51.100.7' : null,
  firstSeenAt: new Date('2026-01-01T00:00:00.000Z'),
  lastSeenAt: new Date(NOW.getTime() - daysAgo * 86_400_000),
  count: 3,
});

describe('samserver legacy status', () => {
  it('lists clients seen within the days and counts the others', () => {
    const status = legacyStatus(
      [client('panel', '10.0.0.1', 0), client('box', '291', 29), client('box', '7', 30)],
      NOW,
      30,
    );
    expect(statusLines(status, 30)).toEqual([
      'boxes: 1',
      '  291  socket port, json  from 198.51.100.7  last 2026-10-28T10:00:00.000Z, first 2026-01-01T00:00:00.000Z, 3 times',
      'panels: 1',
      '  10.0.0.1  socket port, json  last 2026-11-26T10:00:00.000Z, first 2026-01-01T00:00:00.000Z, 3 times',
      'boxes that belong to no vehicle: 0',
      'silent for 30 days or more: 1',
      'the old interfaces are still needed',
    ]);
  });

  it('reports when no client uses the old interfaces', () => {
    expect(statusLines(legacyStatus([client('box', '7', 31)], NOW, 30), 30).at(-1)).toBe(
      'the old interfaces are not used any more',
    );
  });
});

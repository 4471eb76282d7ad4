import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStream, InstanceIdentity, InstanceRegistry, Redis } from '../../cluster/index.js';
import { TrackOwnership } from './track-ownership.js';

interface StoredInstance {
  claims: number;
  lastSeenAt?: Date;
  stoppedAt?: Date;
}
const ALIVE_MS = 20_000;

let databaseTimeMs: number;
/** The records of the other instances. */
let records: Map<string, StoredInstance>;
let recordsRead: number;
let isRedisUp: boolean;
let streamIds: Set<string>;
let registry: Pick<InstanceRegistry, 'lastRead' | 'findOthersSince' | 'stopClaiming' | 'ensureAnnounced'>;
let ownership: TrackOwnership;
beforeEach(() => {
  databaseTimeMs = 1_000_000;
  records = new Map();
  recordsRead = 0;
  isRedisUp = true;
  streamIds = new Set();
  registry = {
    lastRead: null,
    stopClaiming: async () => undefined,
    ensureAnnounced: async () => undefined,
    findOthersSince: async (since) => {
      const found = [...records].filter(
        ([, { lastSeenAt, stoppedAt }]) =>
          (lastSeenAt && lastSeenAt.getTime() >= since.getTime() - ALIVE_MS) ||
          (stoppedAt && stoppedAt >= since),
      );
      recordsRead += found.length;
      return found.map(([id, { claims }]) => ({ id, claims }));
    },
  };
  ownership = new TrackOwnership(
    registry as InstanceRegistry,
    {
      isConfigured: true,
      key: (...parts: string[]) => parts.join(':'),
      run: async () => {
        if (!isRedisUp) throw new Error('down');
        return [];
      },
    } as unknown as Redis,
    { id: 'this' } as unknown as InstanceIdentity,
    {
      hasOthers: true,
      get otherIds() {
        return streamIds;
      },
    } as unknown as EventStream,
    { mongo: { url: 'mongodb://test' } as never },
  );
});

const databaseTime = (): Date => new Date(databaseTimeMs);
function pollRecords(): void {
  databaseTimeMs += 1_000;
  registry.lastRead = { startedMs: performance.now() + 1, databaseTime: databaseTime() };
  databaseTimeMs += 1_000;
}
const start = (id: string): void => void records.set(id, { claims: 1, lastSeenAt: databaseTime() });
const stop = (id: string): void =>
  void records.set(id, { claims: records.get(id)?.claims ?? 1, stoppedAt: databaseTime() });
const canUseMemory = async (): Promise<boolean> => (await ownership.claim(['v'])) !== null;

describe('the tracks in memory', () => {
  it('are not used before the records of the others were read', async () => {
    expect(await canUseMemory()).toBe(false);
    pollRecords();
    expect(await canUseMemory()).toBe(true);
  });

  it('are not used once when an instance appears or stops claiming, and are used beside one that claims', async () => {
    pollRecords();
    expect(await canUseMemory()).toBe(true);
    start('other');
    expect([await canUseMemory(), await canUseMemory()]).toEqual([false, true]);
    records.set('other', { claims: 3, lastSeenAt: databaseTime() });
    expect([await canUseMemory(), await canUseMemory()]).toEqual([false, true]);
    records.set('other', { claims: 4, lastSeenAt: databaseTime() });
    expect([await canUseMemory(), await canUseMemory()]).toEqual([false, false]);
  });

  it('are not used after an instance that started and ended, without claims, between two checks', async () => {
    pollRecords();
    expect(await canUseMemory()).toBe(true);
    pollRecords();
    expect(await canUseMemory()).toBe(true);
    records.set('other', { claims: 0, lastSeenAt: databaseTime() });
    stop('other');
    pollRecords();
    expect(await canUseMemory()).toBe(false);
    pollRecords();
    await new Promise((resolve) => setTimeout(resolve, 5));
    pollRecords();
    expect(await canUseMemory()).toBe(true);
  });

  it('stay in use when an instance that claims has ended', async () => {
    pollRecords();
    start('other');
    await canUseMemory();
    expect(await canUseMemory()).toBe(true);
    stop('other');
    for (let n = 0; n < 5; n += 1) {
      pollRecords();
      expect(await canUseMemory()).toBe(true);
    }
  });

  it('do not cost the records of all instances that have ended since the start', async () => {
    for (let n = 0; n < 20; n += 1) {
      pollRecords();
      start(`${n}`);
      await canUseMemory();
      stop(`${n}`);
      pollRecords();
      await canUseMemory();
    }
    pollRecords();
    await canUseMemory();
    recordsRead = 0;
    expect(await canUseMemory()).toBe(true);
    expect(recordsRead).toBe(0);
  });

  it('are not used while events arrive from an instance without a record', async () => {
    pollRecords();
    streamIds.add('other');
    expect([await canUseMemory(), await canUseMemory()]).toEqual([false, false]);
    start('other');
    await canUseMemory();
    expect(await canUseMemory()).toBe(true);
  });

  it('stay in use while Redis is down, until another instance has a record', async () => {
    pollRecords();
    expect(await canUseMemory()).toBe(true);
    isRedisUp = false;
    expect([await canUseMemory(), await ownership.confirm(['v'])]).toEqual([true, []]);
    start('other');
    expect([await canUseMemory(), await ownership.confirm(['v'])]).toEqual([false, null]);
    pollRecords();
    expect(await canUseMemory()).toBe(false);
    stop('other');
    pollRecords();
    expect(await canUseMemory()).toBe(false);
    pollRecords();
    expect(await canUseMemory()).toBe(true);
  });
});

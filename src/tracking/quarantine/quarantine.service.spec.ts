import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type BackgroundJobs, Clock, EventBus, type Position } from '../../core/index.js';
import { InDoubtWrites } from '../ingest/in-doubt-writes.js';
import { LateCommits } from '../ingest/late-commits.js';
import { TrackMemory } from '../ingest/track-memory.js';
import type { TrackOwnership } from '../ingest/track-ownership.js';
import { LatestPositions } from '../live/latest-positions.js';
import { positionKey, type PositionsRepository } from '../positions.repository.js';
import type { QuarantinedPosition, QuarantineRepository } from './quarantine.repository.js';
import { QuarantineService } from './quarantine.service.js';

const ID = 'a'.repeat(56);
const position: Position = {
  vehicleId: '66f0c0ffee0123456789abcd',
  lat: 48,
  lon: 11,
  timeMs: 1_000,
  receivedAtMs: 2_000,
};

let history: Map<string, { position: Position; late: boolean; recordedAtMs: number }>;
let releasedAt: Date | null;
let published: Position[];
let memory: TrackMemory;
let lateCommits: LateCommits;
let inDoubt: InDoubtWrites;
let checkInDoubt: () => Promise<void>;
let quarantine: QuarantineRepository;
let service: QuarantineService;
beforeEach(() => {
  history = new Map();
  releasedAt = null;
  published = [];
  const events = new EventBus();
  events.subscribe('position.recorded', (recorded) => {
    published.push(...recorded.map((each) => each.position));
  });
  const clock = new Clock();
  const latest = new LatestPositions(events);
  const positions = {
    findNewest: async () => null,
    findStored: async () => new Map(),
    findRecorded: async () => history,
    replace: async (recorded: { position: Position; late: boolean; recordedAtMs: number }) =>
      void history.set(positionKey(recorded.position), recorded),
  } as unknown as PositionsRepository;
  quarantine = {
    findById: async () =>
      ({ id: ID, position, code: 'jump', releasedAt, releasedBy: null }) as unknown as QuarantinedPosition,
    markReleased: async (_positions: readonly Position[], at: Date) => void (releasedAt = at),
  } as unknown as QuarantineRepository;
  memory = new TrackMemory({ confirm: async () => [] } as unknown as TrackOwnership);
  lateCommits = new LateCommits(positions, clock);
  const jobs = {
    start: ({ run }: { run: () => Promise<void> }) => void (checkInDoubt = run),
  } as unknown as BackgroundJobs;
  inDoubt = new InDoubtWrites(positions, latest, lateCommits, memory, jobs, clock);
  inDoubt.onModuleInit();
  service = new QuarantineService(quarantine, positions, latest, lateCommits, memory, inDoubt, clock);
});

describe('a position released from quarantine', () => {
  it('is published once', async () => {
    await service.release(ID, 'user');
    await checkInDoubt();
    expect(published).toEqual([position]);
  });

  it.each<[string, () => unknown]>([
    [
      'the memory is updated',
      () => jest.spyOn(memory, 'noteChange').mockRejectedValueOnce(new Error('down')),
    ],
    ['its time is renewed', () => jest.spyOn(lateCommits, 'renew').mockRejectedValueOnce(new Error('down'))],
    [
      'the release is confirmed',
      () => {
        const markReleased = quarantine.markReleased.bind(quarantine);
        quarantine.markReleased = async (...parameters) => {
          quarantine.markReleased = markReleased;
          await markReleased(...parameters);
          throw new Error('down');
        };
      },
    ],
  ])('is published once also when storage fails before %s', async (_what, fail) => {
    fail();
    const beforeMs = Date.now();
    await expect(service.release(ID, 'user')).rejects.toThrow('down');
    expect(published).toEqual([]);
    // The cursor waits for the write, and not for the arrival of the position.
    expect(inDoubt.oldestMs).toBeGreaterThanOrEqual(beforeMs);
    await service.release(ID, 'user');
    await checkInDoubt();
    await checkInDoubt();
    expect(published).toEqual([position]);
    expect(inDoubt.oldestMs).toBeNull();
  });
});

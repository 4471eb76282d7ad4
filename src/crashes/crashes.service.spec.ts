import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { EventBus } from '../core/index.js';
import type { Crash } from './crash.js';
import type { CrashesRepository } from './crashes.repository.js';
import { CrashesService } from './crashes.service.js';

Logger.overrideLogger(false);

let added: Crash[];
let ids: number;
let nowMs: number;
let published: string[];
let failures: Error[];
let service: CrashesService;

beforeEach(() => {
  [added, published, failures, ids] = [[], [], [], 0];
  const repository = {
    listSince: (at: Date) => Promise.resolve(added.filter(({ reportedAt }) => reportedAt >= at)),
    newId: () => String((ids += 1)),
    add: async (crash: Crash): Promise<void> => {
      added.push(crash);
      await Promise.resolve();
      const failure = failures.pop();
      if (failure) throw failure;
    },
  } as unknown as CrashesRepository;
  const events = new EventBus();
  events.subscribe('crash.recorded', ({ crash }) => void published.push(crash.id));
  nowMs = 0;
  service = new CrashesService(repository, events, { nowMs: () => nowMs });
});

const record = async (vehicleId: string, atMs: number): Promise<string> => {
  const nothing = { lat: null, lon: null, speedMps: null, headingDeg: null };
  const crash = service.identify({ vehicleId, reportedAt: new Date(atMs), ...nothing });
  await service.record(crash);
  return crash.id;
};

describe('crash reports of one vehicle', () => {
  it('are one crash within a second: stored once and published once', async () => {
    const all = [record('a', 0), record('a', 100), record('b', 100), record('a', 999)];
    expect(await Promise.all(all)).toEqual(['1', '1', '2', '1']);
    expect(await record('a', 999)).toBe('1');
    expect(await record('a', 1_000)).toBe('3');
    expect([added.length, published]).toEqual([3, ['1', '2', '3']]);
  });

  it('all fail with the write that they share, and the next one is written again with its id', async () => {
    failures.push(new Error('no storage'));
    const outcomes = await Promise.allSettled([record('a', 0), record('a', 1)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect([await record('a', 2), published, added.length]).toEqual(['1', ['1'], 2]);
  });

  it('are two crashes when the clock was set back in between', async () => {
    expect([await record('a', 10_000), await record('a', 0)]).toEqual(['1', '2']);
  });
});

describe('a replay', () => {
  it('has a crash that was stored long after its report', async () => {
    nowMs = 700_000;
    await record('a', 100_000);
    await record('b', 700_000);
    const idsSince = async (atMs: number): Promise<string[]> =>
      (await service.listSince(new Date(atMs))).map(({ id }) => id);
    expect(await idsSince(690_000)).toEqual(['2', '1']);
    expect(await idsSince(700_001)).toEqual([]);
    expect(await idsSince(100_000)).toEqual(['1', '2']);
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { EventBus } from '../core/index.js';
import type { Crash } from './crash.js';
import type { CrashesRepository } from './crashes.repository.js';
import { CrashesService } from './crashes.service.js';

Logger.overrideLogger(false);

let added: Omit<Crash, 'id'>[];
let published: string[];
let failures: Error[];
let service: CrashesService;

beforeEach(() => {
  [added, published, failures] = [[], [], []];
  const repository = {
    add: async (report: Omit<Crash, 'id'>): Promise<Crash> => {
      const id = String(added.push(report));
      await Promise.resolve();
      const failure = failures.pop();
      if (failure) throw failure;
      return { ...report, id };
    },
  } as unknown as CrashesRepository;
  const events = new EventBus();
  events.subscribe('crash.recorded', ({ crash }) => void published.push(crash.id));
  service = new CrashesService(repository, events);
});

const record = async (vehicleId: string, atMs: number): Promise<string> => {
  const nothing = { lat: null, lon: null, speedMps: null, headingDeg: null };
  return (await service.record({ vehicleId, reportedAt: new Date(atMs), ...nothing })).id;
};

describe('crash reports of one vehicle', () => {
  it('are one crash within a second: stored once and published once', async () => {
    const all = [record('a', 0), record('a', 100), record('b', 100), record('a', 999)];
    expect(await Promise.all(all)).toEqual(['1', '1', '2', '1']);
    expect(await record('a', 999)).toBe('1');
    expect(await record('a', 1_000)).toBe('3');
    expect([added.length, published]).toEqual([3, ['1', '2', '3']]);
  });

  it('all fail with the write that they share, and the next one is written again', async () => {
    failures.push(new Error('no storage'));
    const outcomes = await Promise.allSettled([record('a', 0), record('a', 1)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect([await record('a', 2), published]).toEqual(['2', ['2']]);
  });

  it('are two crashes when the clock was set back in between', async () => {
    expect([await record('a', 10_000), await record('a', 0)]).toEqual(['1', '2']);
  });
});

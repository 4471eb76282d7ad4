import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Clock, ClockSkewDetector, Position } from '../../core/index.js';
import { EventBus } from '../../core/index.js';
import { storageUnavailable } from '../../database/index.js';
import { LatestPositions } from '../live/latest-positions.js';
import type { ValidatedGroup, PositionValidator } from './position-validator.js';
import { GroupCommit } from './group-commit.js';
import type { InDoubtWrites } from './in-doubt-writes.js';

const TOO_MUCH = new TypeError('no such BSON version');
let nowMs = 0;
const clock: Clock = { nowMs: () => nowMs };
const fix = (vehicleId: string, timeMs = 0): Position => ({
  vehicleId,
  lat: 48,
  lon: 11,
  timeMs,
  receivedAtMs: 0,
});

/** Stores everything but what it is told to choke on. */
class StubValidator {
  readonly groups: string[][] = [];
  chokesOn = new Map<string, Error>();
  /** Of each position. */
  takesMs = 0;

  validate(reports: readonly Position[]): Promise<ValidatedGroup> {
    this.groups.push(reports.map(({ vehicleId }) => vehicleId));
    nowMs += reports.length * this.takesMs;
    for (const { vehicleId } of reports) {
      const error = this.chokesOn.get(vehicleId);
      if (error) return Promise.reject(error);
    }
    return Promise.resolve({
      validationResults: reports.map(() => ({ verdict: 'stored', late: false })),
      recorded: reports.map((position) => ({ position, late: false })),
    });
  }
}

let validator: StubValidator;
let shown: string[];
let inDoubt: string[];
let groupCommit: GroupCommit;
beforeEach(() => {
  Logger.overrideLogger(false);
  validator = new StubValidator();
  shown = [];
  inDoubt = [];
  const events = new EventBus();
  events.subscribe(
    'position.recorded',
    (recorded) => void shown.push(...recorded.map(({ position }) => position.vehicleId)),
  );
  groupCommit = new GroupCommit(
    validator as unknown as PositionValidator,
    new LatestPositions(),
    events,
    {
      oldestMs: null,
      add: (reports: readonly Position[]) => inDoubt.push(...reports.map(({ vehicleId }) => vehicleId)),
      confirm: () => undefined,
    } as unknown as InDoubtWrites,
    clock,
    { note: () => undefined } as unknown as ClockSkewDetector,
  );
});
afterEach(() => Logger.overrideLogger(undefined as never));

const outcomes = async (work: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(work)).map((each) => (each.status === 'fulfilled' ? 'stored' : each.reason));

describe('a request that storage chokes on', () => {
  it('fails alone: its group and the queue behind are written', async () => {
    validator.chokesOn.set('poison', TOO_MUCH);
    const group = ['a', 'poison', 'b'].map((id) => groupCommit.record([fix(id)]));
    // Too many for the same group: these wait behind it.
    const behind = groupCommit.record(Array.from({ length: 1_000 }, (_, n) => fix('c', n)));
    expect(await outcomes([...group, behind])).toEqual(['stored', TOO_MUCH, 'stored', 'stored']);
    expect(validator.groups.map((ids) => ids.length)).toEqual([3, 1, 1, 1, 1_000]);
    expect(shown.slice(0, 3)).toEqual(['a', 'b', 'c']);
    // Half of what failed together may be in storage: then a single write hears `duplicate` and shows nothing.
    expect(inDoubt).toEqual(expect.arrayContaining(['a', 'poison', 'b']));
    expect(groupCommit.waiting).toBe(0);
  });

  it('is not tried twice when it was alone in its group', async () => {
    validator.chokesOn.set('poison', TOO_MUCH);
    expect(await outcomes([groupCommit.record([fix('poison')])])).toEqual([TOO_MUCH]);
    expect(validator.groups).toHaveLength(1);
  });
});

describe('an outage', () => {
  it('refuses all that waits: each would wait a time-out of its own for the same answer', async () => {
    const outage = storageUnavailable();
    validator.chokesOn.set('a', outage);
    const group = ['a', 'b'].map((id) => groupCommit.record([fix(id)]));
    const behind = groupCommit.record(Array.from({ length: 1_000 }, (_, n) => fix('c', n)));
    expect(await outcomes([...group, behind])).toEqual([outage, outage, outage]);
    expect(validator.groups).toHaveLength(1);
  });

  it('that begins while single ones are written refuses the rest', async () => {
    const outage = storageUnavailable();
    validator.chokesOn.set('poison', TOO_MUCH).set('b', outage);
    const group = ['poison', 'a', 'b', 'c'].map((id) => groupCommit.record([fix(id)]));
    expect(await outcomes(group)).toEqual([TOO_MUCH, 'stored', outage, outage]);
  });
});

describe('a writer that is slower than what comes in', () => {
  const batch = (n: number): Position[] => Array.from({ length: 500 }, (_, i) => fix('a', n * 500 + i));
  const refusals = async (work: readonly Promise<unknown>[]) =>
    (await outcomes(work)).filter((outcome) => outcome !== 'stored');

  it('lets wait what it can write in about 3 s, and refuses the rest before anybody gives up', async () => {
    validator.takesMs = 1.5;
    await Promise.all([1, 2].map((n) => groupCommit.record(batch(n))));
    const refused = await refusals(Array.from({ length: 20 }, (_, n) => groupCommit.record(batch(10 + n))));
    // 667 a second: 2,000 fit, 8,000 do not.
    expect(refused).toHaveLength(16);
    expect(refused[0]).toMatchObject({ code: 'positions/overloaded', retryAfterMs: 3_000 });
    expect(validator.groups.at(-1)).toHaveLength(1_000);
  });

  it('takes one group in however slow it is, and more again when it is quick', async () => {
    validator.takesMs = 60;
    await groupCommit.record(batch(0));
    expect(await refusals([1, 2, 3].map((n) => groupCommit.record(batch(n))))).toHaveLength(1);
    validator.takesMs = 0.1;
    for (let n = 0; n < 8; n += 1) await groupCommit.record(batch(100 + n));
    expect(await refusals(Array.from({ length: 40 }, (_, n) => groupCommit.record(batch(200 + n))))).toEqual(
      [],
    );
  });
});

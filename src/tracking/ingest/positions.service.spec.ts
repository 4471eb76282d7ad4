import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  ClockSkewDetector,
  DUPLICATE_TEXT,
  EventBus,
  type Position,
  QUARANTINE_TEXTS,
  RecordEpoch,
  type RecordedPosition,
  REJECTION_TEXTS,
} from '../../core/index.js';
import { LatestPositions } from '../live/latest-positions.js';
import type { DeviceClocks } from './device-clocks.js';
import type { InDoubtWrites } from './in-doubt-writes.js';
import type { PositionMetrics } from './position-metrics.js';
import { parseMeasurements } from './position.parser.js';
import type { PositionValidator, ValidationResult } from './position-validator.js';
import type { PositionWriter, WrittenGroup } from './position-writer.js';
import { PositionsService } from './positions.service.js';
import type { TrackMemory } from './track-memory.js';
import type { TrackContextLoader } from './track-context.js';

const VEHICLE = '66f0c0ffee0123456789abcd';
const NOW_MS = 1_800_000_000_000;
const clock = { nowMs: () => NOW_MS };
const at = (second: number): string => new Date(NOW_MS + second * 1_000).toISOString();

let recordEpoch: RecordEpoch;
let steps: string[];
let published: RecordedPosition[];
let inDoubt: Position[];
let latest: LatestPositions;
let service: PositionsService;
let verdictOf: (position: Position) => ValidationResult;
let write: (positions: readonly Position[], results: readonly ValidationResult[]) => Promise<WrittenGroup>;

beforeEach(() => {
  Logger.overrideLogger(false);
  recordEpoch = new RecordEpoch();
  steps = [];
  published = [];
  inDoubt = [];
  verdictOf = () => ({ verdict: 'stored', late: false });
  write = (positions, results) => {
    const recorded = positions.flatMap((position, n) =>
      results[n]?.verdict === 'stored' ? [{ position, late: false, recordedAtMs: NOW_MS }] : [],
    );
    return Promise.resolve({ results, recorded, hasConflicts: false });
  };
  const events = new EventBus();
  latest = new LatestPositions(events);
  events.subscribe('position.recorded', (recorded) => {
    steps.push(`publish with marker ${latest.of(VEHICLE)?.timeMs}`);
    published.push(...recorded);
  });
  let group: readonly Position[] = [];
  service = new PositionsService(
    {
      load: (positions: readonly Position[]) => {
        steps.push('load');
        group = positions;
        return Promise.resolve([]);
      },
    } as unknown as TrackContextLoader,
    {
      begin: (vehicleIds: readonly string[]) => Promise.resolve({ vehicleIds, forgotten: null }),
      confirm: () => Promise.resolve(),
      keep: () => undefined,
      forget: () => undefined,
      end: () => undefined,
    } as unknown as TrackMemory,
    {
      validate: () => {
        steps.push('validate');
        return Promise.resolve({ results: group.map(verdictOf), released: [] });
      },
    } as unknown as PositionValidator,
    {
      write: (positions: readonly Position[], { results }: { results: readonly ValidationResult[] }) => {
        steps.push('write');
        return write(positions, results);
      },
    } as unknown as PositionWriter,
    {
      oldestMs: null,
      add: (positions: readonly Position[]) => inDoubt.push(...positions),
      confirm: () => undefined,
    } as unknown as InDoubtWrites,
    latest,
    { note: () => steps.push('clocks') } as unknown as DeviceClocks,
    {
      observeQueue: () => undefined,
      count: (_source: string, report: () => Promise<unknown>) => report(),
    } as unknown as PositionMetrics,
    new ClockSkewDetector(clock),
    clock,
    recordEpoch,
  );
});

afterEach(() => {
  jest.useRealTimers();
  Logger.overrideLogger(undefined as never);
});

describe('a report', () => {
  it('passes the steps in order: the marker is set before the event', async () => {
    await service.report(VEHICLE, [{ lat: 1, lon: 2, time: at(0) }], 'http');
    expect(steps).toEqual(['load', 'validate', 'write', 'clocks', `publish with marker ${NOW_MS}`]);
  });

  it('gives its positions the epoch under which they arrived', async () => {
    await service.report(VEHICLE, [{ lat: 1, lon: 2, time: at(0) }], 'http');
    recordEpoch.current = 0;
    await service.report(VEHICLE, [{ lat: 1, lon: 2, time: at(1) }], 'http');
    const epochs = published.map(({ position }) => ('roleEpoch' in position ? position.roleEpoch : 'none'));
    expect(epochs).toEqual(['none', 0]);
  });

  it('is validated in time order and answered by index', async () => {
    const order: number[] = [];
    verdictOf = (position) => {
      order.push(position.lat);
      return position.lat === 3
        ? { verdict: 'quarantined', code: 'jump' }
        : { verdict: 'stored', late: true };
    };
    const raws = [
      { lat: 3, lon: 0, time: at(3) },
      { lat: 99, lon: 0, time: at(0) },
      { lat: 1, lon: 0, time: at(1), batteryPct: -1 },
    ];
    expect(await service.report(VEHICLE, raws, 'http')).toEqual({
      results: [
        { index: 0, verdict: 'quarantined', code: 'jump', text: QUARANTINE_TEXTS.jump },
        { index: 1, verdict: 'rejected', code: 'invalid_lat', text: REJECTION_TEXTS.invalid_lat },
        { index: 2, verdict: 'stored', late: true, dropped: ['batteryPct'] },
      ],
      stored: 1,
      duplicate: 0,
      quarantined: 1,
      rejected: 1,
    });
    expect(order).toEqual([1, 3]);
    expect(published.map(({ position }) => position.lat)).toEqual([1]);
  });

  it('explains a duplicate, which has no code', async () => {
    verdictOf = () => ({ verdict: 'duplicate' });
    const { results } = await service.report(VEHICLE, [{ lat: 1, lon: 2, time: at(0) }], 'http');
    expect(results).toEqual([{ index: 0, verdict: 'duplicate', text: DUPLICATE_TEXT }]);
  });

  it('whose write fails is rejected and in doubt, and is not published', async () => {
    write = () => Promise.reject(new Error('no write'));
    await expect(service.report(VEHICLE, [{ lat: 1, lon: 2, time: at(0) }], 'http')).rejects.toThrow(
      'no write',
    );
    expect([inDoubt.length, published, latest.of(VEHICLE)]).toEqual([1, [], null]);
  });
});

describe('a write that ends after the time limit', () => {
  it('is in doubt, and the ingest does not publish it a second time', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const nextTurn = () => new Promise<void>((resolve) => void setImmediate(() => setImmediate(resolve)));
    let endWrite: (() => void) | undefined;
    write = (positions, results) =>
      new Promise((resolve) => {
        const recorded = positions.map((position) => ({ position, late: false, recordedAtMs: NOW_MS }));
        endWrite = () => resolve({ results, recorded, hasConflicts: false });
      });
    const report = service.report(VEHICLE, [{ lat: 1, lon: 2, time: at(0) }], 'http');
    await nextTurn();
    jest.advanceTimersByTime(60_000);
    await expect(report).rejects.toMatchObject({ code: 'storage/unavailable' });
    endWrite?.();
    await nextTurn();
    expect([inDoubt.length, published, latest.of(VEHICLE)]).toEqual([1, [], null]);
  });
});

describe('the original fields of a position', () => {
  it('are in the event and not in the live marker', async () => {
    const originalFields = { ambulance_id: '291' };
    const parsed = parseMeasurements({ lat: 1, lon: 2 }, NOW_MS, originalFields);
    expect(await service.reportParsed(VEHICLE, [parsed], 'legacy')).toMatchObject({ stored: 1 });
    expect(published[0]?.position.originalFields).toBe(originalFields);
    expect(latest.of(VEHICLE)).toEqual({
      vehicleId: VEHICLE,
      lat: 1,
      lon: 2,
      timeMs: NOW_MS,
      receivedAtMs: NOW_MS,
    });
  });
});

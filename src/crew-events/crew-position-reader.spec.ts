import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStream } from '../cluster/index.js';
import { Clock, EventBus, type HeldLock, type Position } from '../core/index.js';
import type { CursorsRepository } from '../database/index.js';
import type { PositionLogService } from '../tracking/index.js';
import type { CrewEventDetector } from './crew-event-detector.js';
import { CrewPositionReader } from './crew-position-reader.js';

const V = '66f0c0ffee0123456789abcd';
const MANY_COLLECTED = 2_500;
const MAX_COLLECTED = 50_000;
const lock = { assertHeld: () => undefined } as unknown as HeldLock;
const fix = (second: number): Position => ({
  vehicleId: V,
  timeMs: second * 1_000,
  receivedAtMs: second * 1_000,
  lat: 48,
  lon: 11,
});

let events: EventBus;
let detected: unknown[];
let reads: number;
let pressure: number;
let reader: CrewPositionReader;
beforeEach(() => {
  events = new EventBus();
  detected = [];
  reads = 0;
  pressure = 0;
  const clock = new Clock();
  reader = new CrewPositionReader(
    {
      get pressure() {
        return pressure;
      },
      get publishedUpToMs() {
        return clock.nowMs();
      },
      since: () => {
        reads += 1;
        return [];
      },
    } as unknown as PositionLogService,
    { getOrCreate: async () => new Date(), advance: async () => undefined } as unknown as CursorsRepository,
    {
      detect: async (positions: readonly Position[]) => void detected.push(...positions),
      detectOffline: async () => undefined,
      detectClocksBehind: async () => undefined,
      save: async () => undefined,
    } as unknown as CrewEventDetector,
    { receivesFromAll: true } as EventStream,
    clock,
    events,
  );
});

const record = (...positions: Position[]): void =>
  events.publish(
    'position.recorded',
    positions.map((position) => ({ position, late: false, recordedAtMs: position.receivedAtMs })),
  );

describe('the positions collected from events', () => {
  it('have only what the rules read', async () => {
    await reader.poll(lock);
    record(
      { ...fix(1), speedMps: 10, headingDeg: 90, batteryPct: 50, ignition: true, attributes: { a: 1 } },
      { ...fix(2), originalFields: { x: 1 } },
    );
    await reader.poll(lock);
    expect(detected).toEqual([{ ...fix(1), speedMps: 10 }, fix(2)]);
    expect(Object.keys(detected[1] as object).sort()).toEqual(Object.keys(fix(2)).sort());
    expect(reads).toBe(1);
  });

  it('are dropped above the bound, and the next poll reads storage', async () => {
    await reader.poll(lock);
    record(...Array.from({ length: MAX_COLLECTED }, (_, n) => fix(n)));
    await reader.poll(lock);
    expect([detected.length, reads]).toEqual([MAX_COLLECTED, 1]);
    record(...Array.from({ length: MAX_COLLECTED + 1 }, (_, n) => fix(n)));
    await reader.poll(lock);
    expect([detected.length, reads]).toEqual([MAX_COLLECTED, 2]);
  });

  it('make the next poll due when there are many, so that storage is not read', async () => {
    // Without them the pause lasts two seconds.
    const nextPoll = async (): Promise<void> => reader.pollAndPause(lock, AbortSignal.timeout(60_000));
    await reader.poll(lock);
    let isDue = false;
    const due = nextPoll().then(() => (isDue = true));
    await new Promise((resolve) => setImmediate(resolve));
    for (let n = 0; n < 4; n += 1) record(...Array.from({ length: MANY_COLLECTED }, (_, k) => fix(k)));
    await due;
    expect(isDue).toBe(true);
    await reader.poll(lock);
    expect([detected.length, reads]).toEqual([4 * MANY_COLLECTED, 1]);
  });

  it('wait while the position queue is half full: devices need the time', async () => {
    await reader.poll(lock);
    record(fix(1));
    pressure = 0.5;
    await reader.pollAndPause(lock, AbortSignal.abort());
    expect(detected).toEqual([]);
    pressure = 0;
    await reader.pollAndPause(lock, AbortSignal.abort());
    expect(detected).toHaveLength(1);
  });
});

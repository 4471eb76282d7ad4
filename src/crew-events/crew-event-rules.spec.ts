import { describe, expect, it } from '@jest/globals';
import type { Position } from '../core/index.js';
import {
  type CrewEvent,
  type CrewVehicleState,
  type AssignedRequest,
  type CrewEventRules,
  applyPosition,
  detectSilence,
} from './crew-event-rules.js';

const V = '66f0c0ffee0123456789abcd';
const RULES: CrewEventRules = {
  offlineAfterMs: 60_000,
  speedLimitsKmh: [80, 120],
  nearArrivalMinutes: 10,
  nearArrivalStatuses: null,
  panelNearStatuses: [],
  notifyMaxAgeMs: 300_000,
  listeningSinceMs: 0,
};
const T0 = Date.UTC(2026, 10, 1, 10);
const fix = (second: number, kmh?: number, more: Partial<Position> = {}): Position => ({
  vehicleId: V,
  lat: 48,
  lon: 11,
  timeMs: T0 + second * 1_000,
  receivedAtMs: T0 + second * 1_000,
  ...(kmh !== undefined && { speedMps: kmh / 3.6 - 1e-9 }),
  ...more,
});

function drive(
  fixes: readonly Position[],
  request: AssignedRequest | null = null,
  rules = RULES,
): { memory: CrewVehicleState; events: CrewEvent[]; types: string[] } {
  let memory: CrewVehicleState | null = null;
  const events: CrewEvent[] = [];
  for (const each of fixes) {
    const step = applyPosition(memory, each, rules, request);
    memory = step.memory;
    events.push(...step.events);
  }
  if (!memory) throw new Error('no fixes');
  return { memory, events, types: events.map(({ type, at }) => `${(at.getTime() - T0) / 1_000} ${type}`) };
}

describe('speed', () => {
  it('is the average, and the first speed is the first average', () => {
    expect(drive([fix(0, 100)]).types).toEqual(['0 speed_above_80']);
    expect(drive([fix(0, 60), fix(1, 100)]).memory.averageKmh).toBe(80);
  });

  it('gives an event at each crossing only; 80 is not above 80', () => {
    const speeds = [80, 90, 90, 200, 200, 100, 100, 20, 20, 200];
    expect(drive(speeds.map((kmh, second) => fix(second, kmh))).types).toEqual([
      '1 speed_above_80',
      '3 speed_above_120',
      '6 speed_below_120',
      '7 speed_below_80',
      '9 speed_above_80',
      '9 speed_above_120',
    ]);
  });

  it('gives both events in order when it crosses both limits at once', () => {
    expect(drive([fix(0, 200), fix(1, 0), fix(2, 0)]).types).toEqual([
      '0 speed_above_80',
      '0 speed_above_120',
      '1 speed_below_120',
      '2 speed_below_80',
    ]);
    expect(drive([fix(0, 130), fix(1, 0)]).types.slice(2)).toEqual(['1 speed_below_120', '1 speed_below_80']);
  });

  it('ignores a fix without a speed and a late fix', () => {
    expect(drive([fix(5, 100), fix(6), fix(3, 0), fix(7, 90)]).types).toEqual(['5 speed_above_80']);
  });

  it('uses the time of receipt when the device clock is ahead', () => {
    const ahead = fix(0, 100, { timeMs: T0 + 9_000_000 });
    expect(drive([ahead, fix(1, 0)]).types).toEqual(['0 speed_above_80', '1 speed_below_80']);
  });
});

describe('a position that is applied again', () => {
  it('gives no event and changes no state', () => {
    const fixes = [fix(0, 100), fix(1, 100), fix(100, 0)];
    const { memory } = drive(fixes);
    for (const each of fixes)
      expect(applyPosition(memory, each, RULES, null)).toEqual({ memory, events: [] });
  });
});

describe('detectSilence', () => {
  const { memory } = drive([fix(0, 10)]);
  const after = (second: number, rules = RULES) => detectSilence(V, memory, T0 + second * 1_000, rules, null);

  it('gives offline once after 60 s, with an id made from the last position', () => {
    expect(after(59.999)).toBeNull();
    const step = after(75);
    expect(step?.events).toMatchObject([
      { id: `${V}.offline.${T0}`, type: 'offline', at: new Date(T0 + 60_000), lat: 48 },
    ]);
    expect(detectSilence(V, step?.memory as CrewVehicleState, T0 + 500_000, RULES, null)).toBeNull();
  });

  it('ends with the next position, late or not', () => {
    const offline = after(75)?.memory as CrewVehicleState;
    const late = fix(-5, 10, { receivedAtMs: T0 + 80_000 });
    expect(applyPosition(offline, late, RULES, null).events).toMatchObject([
      { id: `${V}.online.${T0 + 80_000}`, type: 'online' },
    ]);
  });

  it('that was not detected in time is reported with the position that ends it', () => {
    expect(drive([fix(0), fix(59), fix(119), fix(300)]).types).toEqual([
      '119 offline',
      '119 online',
      '179 offline',
      '300 online',
    ]);
  });

  it('counts from the start of an unbroken leadership', () => {
    const rules = { ...RULES, listeningSinceMs: T0 + 300_000 };
    expect(after(359, rules)).toBeNull();
    expect(applyPosition(memory, fix(310), rules, null).events).toEqual([]);
    expect(after(360, rules)?.events).toMatchObject([{ at: new Date(T0 + 360_000) }]);
  });

  it('is not detected for a new vehicle', () => {
    expect(drive([fix(0)]).types).toEqual([]);
  });
});

describe('a backlog', () => {
  /** A fix that is received at another second. */
  const sent = (second: number, receivedSecond: number, kmh = 10) =>
    fix(second, kmh, { receivedAtMs: T0 + receivedSecond * 1_000 });
  const HOUR = 3_600;

  it('gives online at the time of its first fix, and again now with the first present fix', () => {
    const report = [600, 1_200, HOUR].map((second) => sent(second, HOUR));
    expect(drive([fix(0), ...report, fix(HOUR + 1)]).types).toEqual([
      '60 offline',
      '600 online',
      '3600 online',
    ]);
  });

  it('in several reports gives online in the past once, and no offline after it', () => {
    const reports = [sent(600, HOUR), sent(700, HOUR + 1), sent(800, HOUR + 2)];
    const { memory, types } = drive([fix(0), ...reports]);
    expect(types).toEqual(['60 offline', '600 online']);
    expect(detectSilence(V, memory, T0 + (HOUR + 100) * 1_000, RULES, null)).toBeNull();
    expect(applyPosition(memory, sent(900, 2 * HOUR), RULES, null).events).toMatchObject([
      { type: 'online', at: new Date(T0 + 900_000) },
    ]);
  });

  it('that goes on for longer than its age limit is a clock that is behind: online now', () => {
    const reports = Array.from({ length: 11 }, (_, n) => sent(600 + n * 30, HOUR + n * 30));
    expect(drive([fix(0), ...reports]).types).toEqual(['60 offline', '600 online', '3900 online']);
  });

  it('does not interrupt a vehicle that is online', () => {
    expect(drive([fix(HOUR), sent(600, HOUR + 1), fix(HOUR + 2)]).types).toEqual([]);
  });

  it('gives events of speed at their own time, and no near arrival', () => {
    const request = { requestId: 'r1', status: 'ON_THE_WAY', estimatedMinutes: 5 };
    const { types } = drive([fix(0), sent(600, HOUR, 100), fix(HOUR + 1, 100)], request);
    expect(types).toEqual([
      '0 near_arrival',
      '60 offline',
      '600 online',
      '600 speed_above_80',
      '3601 online',
    ]);
    expect(drive([sent(600, HOUR)], request).types).toEqual([]);
  });

  it('that is applied again gives no event', () => {
    const fixes = [fix(0), sent(600, HOUR), sent(700, HOUR), fix(HOUR + 1)];
    for (let count = 1; count <= fixes.length; count += 1) {
      const { memory } = drive(fixes.slice(0, count));
      for (const each of fixes.slice(0, count))
        expect(applyPosition(memory, each, RULES, null)).toEqual({ memory, events: [] });
    }
  });
});

describe('near arrival', () => {
  const request = (
    estimatedMinutes: number | null,
    more: Partial<AssignedRequest> = {},
  ): AssignedRequest => ({
    requestId: 'r1',
    status: 'ON_THE_WAY',
    estimatedMinutes,
    ...more,
  });

  it('is reported below 10 minutes, once for each request', () => {
    expect(drive([fix(0)], request(10)).types).toEqual([]);
    expect(drive([fix(0)], request(null)).types).toEqual([]);
    const { memory, events } = drive([fix(0), fix(1), fix(2)], request(9));
    expect(events).toMatchObject([{ id: `${V}.near_arrival.r1`, minutesLeft: 9, requestId: 'r1' }]);
    expect(applyPosition(memory, fix(3), RULES, request(3, { requestId: 'r2' })).events).toHaveLength(1);
  });

  it('is reported for the configured statuses only', () => {
    const rules = { ...RULES, nearArrivalStatuses: ['PICKED_UP'] };
    expect(drive([fix(0)], request(5), rules).types).toEqual([]);
    expect(drive([fix(0)], request(5, { status: 'PICKED_UP' }), rules).types).toEqual(['0 near_arrival']);
  });
});

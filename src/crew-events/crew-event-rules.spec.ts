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
): { memory: CrewVehicleState; events: CrewEvent[]; said: string[] } {
  let memory: CrewVehicleState | null = null;
  const events: CrewEvent[] = [];
  for (const each of fixes) {
    const step = applyPosition(memory, each, rules, request);
    memory = step.memory;
    events.push(...step.events);
  }
  if (!memory) throw new Error('no fixes');
  return { memory, events, said: events.map(({ type, at }) => `${(at.getTime() - T0) / 1_000} ${type}`) };
}

describe('speed', () => {
  it('is the average, whose first value is the first speed and not half of it', () => {
    expect(drive([fix(0, 100)]).said).toEqual(['0 speed_above_80']);
    expect(drive([fix(0, 60), fix(1, 100)]).memory.averageKmh).toBe(80);
  });

  it('is said at each crossing, up and down, and not in between; 80 itself is not over 80', () => {
    const speeds = [80, 90, 90, 200, 200, 100, 100, 20, 20, 200];
    expect(drive(speeds.map((kmh, second) => fix(second, kmh))).said).toEqual([
      '1 speed_above_80',
      '3 speed_above_120',
      '6 speed_below_120',
      '7 speed_below_80',
      '9 speed_above_80',
      '9 speed_above_120',
    ]);
  });

  it('passes both limits in order when it jumps', () => {
    expect(drive([fix(0, 200), fix(1, 0), fix(2, 0)]).said).toEqual([
      '0 speed_above_80',
      '0 speed_above_120',
      '1 speed_below_120',
      '2 speed_below_80',
    ]);
    expect(drive([fix(0, 130), fix(1, 0)]).said.slice(2)).toEqual(['1 speed_below_120', '1 speed_below_80']);
  });

  it('stands where a fix has none, and goes by no late fix', () => {
    expect(drive([fix(5, 100), fix(6), fix(3, 0), fix(7, 90)]).said).toEqual(['5 speed_above_80']);
  });

  it('goes by our clock where the device is ahead', () => {
    const ahead = fix(0, 100, { timeMs: T0 + 9_000_000 });
    expect(drive([ahead, fix(1, 0)]).said).toEqual(['0 speed_above_80', '1 speed_below_80']);
  });
});

describe('the same position once more', () => {
  it('gives nothing and changes nothing', () => {
    const fixes = [fix(0, 100), fix(1, 100), fix(100, 0)];
    const { memory } = drive(fixes);
    for (const each of fixes)
      expect(applyPosition(memory, each, RULES, null)).toEqual({ memory, events: [] });
  });
});

describe('detectSilence', () => {
  const { memory } = drive([fix(0, 10)]);
  const after = (second: number, rules = RULES) => detectSilence(V, memory, T0 + second * 1_000, rules, null);

  it('is offline after 60 s, once, under the id of the last position', () => {
    expect(after(59.999)).toBeNull();
    const step = after(75);
    expect(step?.events).toMatchObject([
      { id: `${V}.offline.${T0}`, type: 'offline', at: new Date(T0 + 60_000), lat: 48 },
    ]);
    expect(detectSilence(V, step?.memory as CrewVehicleState, T0 + 500_000, RULES, null)).toBeNull();
  });

  it('ends with the first position after, late or not', () => {
    const offline = after(75)?.memory as CrewVehicleState;
    const late = fix(-5, 10, { receivedAtMs: T0 + 80_000 });
    expect(applyPosition(offline, late, RULES, null).events).toMatchObject([
      { id: `${V}.online.${T0 + 80_000}`, type: 'online' },
    ]);
  });

  it('that nobody looked at in time is said with the position that ends it', () => {
    expect(drive([fix(0), fix(59), fix(119), fix(300)]).said).toEqual([
      '119 offline',
      '119 online',
      '179 offline',
      '300 online',
    ]);
  });

  it('counts from when somebody listens: what was not heard before may have been our detectSilence', () => {
    const rules = { ...RULES, listeningSinceMs: T0 + 300_000 };
    expect(after(359, rules)).toBeNull();
    expect(applyPosition(memory, fix(310), rules, null).events).toEqual([]);
    expect(after(360, rules)?.events).toMatchObject([{ at: new Date(T0 + 360_000) }]);
  });

  it('is none for a vehicle that is new', () => {
    expect(drive([fix(0)]).said).toEqual([]);
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

  it('is said under 10 minutes, once for each request', () => {
    expect(drive([fix(0)], request(10)).said).toEqual([]);
    expect(drive([fix(0)], request(null)).said).toEqual([]);
    const { memory, events } = drive([fix(0), fix(1), fix(2)], request(9));
    expect(events).toMatchObject([{ id: `${V}.near_arrival.r1`, minutesLeft: 9, requestId: 'r1' }]);
    expect(applyPosition(memory, fix(3), RULES, request(3, { requestId: 'r2' })).events).toHaveLength(1);
  });

  it('is said on the statuses that were named', () => {
    const rules = { ...RULES, nearArrivalStatuses: ['PICKED_UP'] };
    expect(drive([fix(0)], request(5), rules).said).toEqual([]);
    expect(drive([fix(0)], request(5, { status: 'PICKED_UP' }), rules).said).toEqual(['0 near_arrival']);
  });
});

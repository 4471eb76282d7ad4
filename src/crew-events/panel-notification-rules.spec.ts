import { describe, expect, it } from '@jest/globals';
import {
  applyPosition,
  type AssignedRequest,
  type CrewEventRules,
  type CrewPosition,
  type CrewVehicleState,
} from './crew-event-rules.js';
import {
  applyPanelRules,
  silenceNotifications,
  speedNotification,
  type StoredTracking,
  storedSpeedKmh,
} from './panel-notification-rules.js';

const V = '66f0c0ffee0123456789abcd';
const T0 = Date.UTC(2026, 10, 1, 10);
const RULES: CrewEventRules = {
  offlineAfterMs: 60_000,
  speedLimitsKmh: [80, 120],
  nearArrivalMinutes: 10,
  nearArrivalStatuses: null,
  panelNearStatuses: ['BACK', 'ARRIVAL'],
  notifyMaxAgeMs: 300_000,
  listeningSinceMs: T0,
};
const fix = (second: number, kmh?: number, receivedSecond = second): CrewPosition => ({
  vehicleId: V,
  lat: 48,
  lon: 11,
  timeMs: T0 + second * 1_000,
  receivedAtMs: T0 + receivedSecond * 1_000,
  ...(kmh !== undefined && { speedMps: kmh / 3.6 }),
});

interface Drive {
  readonly stored?: StoredTracking;
  readonly requestAt?: (position: CrewPosition) => AssignedRequest | null;
  readonly rulesAt?: (position: CrewPosition) => CrewEventRules;
  readonly isShadowAt?: (position: CrewPosition) => boolean;
}

/** Applies both sets of rules as the detector does. */
function drive(
  fixes: readonly CrewPosition[],
  { stored, requestAt = () => null, rulesAt = () => RULES, isShadowAt = () => false }: Drive = {},
): { memory: CrewVehicleState | null; types: string[] } {
  let memory: CrewVehicleState | null = null;
  const types: string[] = [];
  for (const position of fixes) {
    const [request, rules] = [requestAt(position), rulesAt(position)];
    const own = applyPosition(memory, position, rules, request);
    const isShadow = isShadowAt(position);
    const context = { before: memory, stored: stored ?? null, isShadow, request, rules };
    const { panel, notifications } = applyPanelRules(position, context);
    memory = { ...own.memory, panel };
    for (const { type, at } of [...silenceNotifications(own.events), ...notifications])
      types.push(`${(at.getTime() - T0) / 1_000} ${type}`);
  }
  return { memory, types };
}

const speeds = (...kmh: (number | undefined)[]): string[] =>
  drive(kmh.map((each, second) => fix(second, each))).types;

describe('speedNotification', () => {
  /** The table of the known facts: momentary speed, stored speed, notification. */
  it.each([
    [81, 80, 'speed_above_80'],
    [81, 81, null],
    [120, 121, 'speed_below_120'],
    [120, 120, null],
    [80.001, 0, 'speed_above_80'],
    [121, 120, 'speed_above_120'],
    [121, 0, 'speed_above_120'],
    [121, 121, null],
    [80, 81, 'speed_below_80'],
    [80, 121, 'speed_below_80'],
    [80, 80, null],
    [0, 0, null],
  ])('%f km/h after %i: %s', (kmh, stored, type) => {
    expect(speedNotification(kmh, stored, [80, 120])).toBe(type);
  });
});

describe('storedSpeedKmh', () => {
  it('is rounded up, and 0 up to 1 km/h', () => {
    expect([0, 4.7e-5, 1, 1.01, 79.2, 80].map((kmh) => storedSpeedKmh(kmh / 3.6))).toEqual([
      0, 0, 0, 2, 80, 80,
    ]);
  });
});

describe('notifications of speed', () => {
  it('are one a position, by the momentary speed', () => {
    expect(speeds(0, 90, 130, 100, 70, 130, 0)).toEqual([
      '1 speed_above_80',
      '2 speed_above_120',
      '3 speed_below_120',
      '4 speed_below_80',
      '5 speed_above_120',
      '6 speed_below_80',
    ]);
  });

  it('are not given for the first position, which makes the vehicle known', () => {
    expect(speeds(100, 100)).toEqual([]);
  });

  it('compare with the speed as it was stored, rounded up', () => {
    // 80.2 is stored as 81; 79.9 as 80, which is not above the limit.
    expect(speeds(0, 79.9, 80.2, 79.9)).toEqual(['2 speed_above_80', '3 speed_below_80']);
    expect(speeds(0, 119.5, 120.5)).toEqual(['1 speed_above_80', '2 speed_above_120']);
  });

  it('ignore a position without a speed and a late one', () => {
    expect(speeds(0, 100, undefined, 100)).toEqual(['1 speed_above_80']);
    expect(drive([fix(0, 0), fix(5, 100), fix(3, 0, 6), fix(7, 100)]).types).toEqual(['5 speed_above_80']);
  });
});

describe('online', () => {
  const stored = { speedKmh: 0, atMs: T0 - 86_400_000 };

  it('is given at the first position of a vehicle that an earlier server knew, once', () => {
    expect(drive([fix(0, 10), fix(1, 10)], { stored }).types).toEqual(['0 online']);
    expect(drive([fix(0, 10)]).types).toEqual([]);
  });

  it('is not given after offline', () => {
    expect(drive([fix(0, 10), fix(300, 10), fix(301, 10)], { stored }).types).toEqual([
      '0 online',
      '60 offline',
    ]);
  });

  it('is given again after a time without a leader, by positions received since', () => {
    const rulesAt = ({ receivedAtMs }: CrewPosition): CrewEventRules =>
      receivedAtMs < T0 + 40_000 ? RULES : { ...RULES, listeningSinceMs: T0 + 50_000 };
    // The fix of second 45 is read late, and was received while there was no leader.
    expect(drive([fix(0, 10), fix(45, 10), fix(51, 10), fix(52, 10)], { rulesAt }).types).toEqual([
      '51 online',
    ]);
  });

  it('waits for a present position when a backlog comes first', () => {
    const fixes = [fix(10, 10, 3_600), fix(20, 10, 3_600), fix(3_601, 10)];
    expect(drive(fixes, { stored }).types).toEqual(['3601 online']);
  });
});

describe('near arrival', () => {
  const request = (status: string, estimatedMinutes: number | null, requestId = 'r1') => ({
    requestId,
    status,
    estimatedMinutes,
  });
  const near = (given: AssignedRequest): string[] => drive([fix(0, 10)], { requestAt: () => given }).types;

  it('is given in the two statuses, up to 10 minutes, an unknown time included', () => {
    expect(near(request('BACK', 10))).toEqual(['0 near_arrival']);
    expect(near(request('ARRIVAL', 0))).toEqual(['0 near_arrival']);
    expect(near(request('BACK', null))).toEqual(['0 near_arrival']);
    expect(near(request('BACK', 10.1))).toEqual([]);
    expect(near(request('DEPART_FROM_BASE_HOSPITAL', 5))).toEqual([]);
  });

  it('is given once for each request, after the speed', () => {
    const requestAt = ({ timeMs }: CrewPosition): AssignedRequest =>
      timeMs < T0 + 1_000
        ? request('DEPART', 5)
        : request(timeMs < T0 + 3_000 ? 'BACK' : 'ARRIVAL', 5, timeMs < T0 + 4_000 ? 'r1' : 'r2');
    const fixes = [10, 100, 100, 100, 100, 100].map((kmh, second) => fix(second, kmh));
    expect(drive(fixes, { requestAt }).types).toEqual([
      '1 speed_above_80',
      '1 near_arrival',
      '4 near_arrival',
    ]);
  });

  it('is not given for a backlog', () => {
    expect(drive([fix(0, 10, 3_600)], { requestAt: () => request('BACK', 5) }).types).toEqual([]);
  });
});

it('a position that is applied again gives no notification and changes no state', () => {
  const fixes = [fix(0, 10), fix(1, 100), fix(100, 0)];
  const stored = { speedKmh: 90, atMs: T0 - 1 };
  const { memory } = drive(fixes, { stored });
  for (const position of fixes) {
    const context = { before: memory, stored, isShadow: false, request: null, rules: RULES };
    expect(applyPanelRules(position, context)).toEqual({ panel: memory?.panel, notifications: [] });
  }
});

describe('after positions that the old server has got too', () => {
  const isShadowAt = ({ timeMs }: CrewPosition): boolean => timeMs < T0 + 2_000;
  const own = (types: readonly string[]): string[] => types.filter((type) => Number(type.split(' ')[0]) >= 2);

  it('the speed continues from its document, and not from what this service has seen', () => {
    const stored = { speedKmh: 90, atMs: T0 + 1_500 };
    // This service has missed the position with 90 km/h.
    expect(own(drive([fix(0, 10), fix(1, 20), fix(2, 95)], { stored, isShadowAt }).types)).toEqual([]);
    expect(own(drive([fix(0, 10), fix(1, 20), fix(2, 70)], { stored, isShadowAt }).types)).toEqual([
      '2 speed_below_80',
    ]);
  });

  it('without a document, or with one that is newer already, it continues from what this service has seen', () => {
    const fixes = [fix(0, 10), fix(1, 95), fix(2, 70)];
    expect(own(drive(fixes, { isShadowAt }).types)).toEqual(['2 speed_below_80']);
    const stored = { speedKmh: 70, atMs: T0 + 2_000 };
    expect(own(drive(fixes, { stored, isShadowAt }).types)).toEqual(['2 speed_below_80']);
  });

  it('a vehicle is not online again, and not near again', () => {
    const requestAt = (): AssignedRequest => ({ requestId: 'r', status: 'BACK', estimatedMinutes: 5 });
    expect(drive([fix(0, 10), fix(2, 10), fix(3, 10)], { isShadowAt, requestAt }).types).toEqual(
      drive([fix(0, 10)], { isShadowAt, requestAt }).types,
    );
  });
});

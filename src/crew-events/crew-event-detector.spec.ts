import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Settings } from '../config/index.js';
import { Clock, EventBus, type HeldLock, type Position } from '../core/index.js';
import { LatestPositions } from '../tracking/index.js';
import { CrewEventDetector } from './crew-event-detector.js';
import type { CrewEventMetrics } from './crew-event-metrics.js';
import type { PendingCrewEvent } from './crew-event-rules.js';
import type { CrewEventsRepository } from './crew-events.repository.js';
import type { CrewEventsService } from './crew-events.service.js';
import type { CrewState, CrewStatesRepository } from './crew-states.repository.js';
import { DispatchSystem } from './dispatch-system.js';
import type { StoredTracking } from './panel-notification-rules.js';

Logger.overrideLogger(false);

const V = '66f0c0ffee0123456789abcd';
const T0 = Date.UTC(2026, 10, 1, 10);
const fix = (second: number, kmh: number): Position => ({
  vehicleId: V,
  lat: 48,
  lon: 11,
  timeMs: T0 + second * 1_000,
  receivedAtMs: T0 + second * 1_000,
  speedMps: kmh / 3.6,
});

/** The fake storage: only the leader with the newest epoch can write. */
let epoch: number;
let states: Map<string, CrewState>;
let recorded: string[];
/** Notifications: `shadow`, or `own`, with the type. */
let sent: string[];
let isRecording: boolean;
let latest: LatestPositions;
let storedTrackings: Map<string, StoredTracking>;
let heldSinceMs: number;
/** The old server notifies the panel: of the positions without this epoch. */
let ourEpoch: number | null;
/** States of the largest write. */
let largestWrite: number;
beforeEach(() => {
  epoch = 0;
  states = new Map();
  recorded = [];
  isRecording = true;
  latest = new LatestPositions(new EventBus());
  storedTrackings = new Map();
  heldSinceMs = 0;
  ourEpoch = null;
  sent = [];
  largestWrite = 0;
});

const SETTINGS = {
  positions: { clockBehindS: 300 },
  crewEvents: {
    isEnabled: true,
    offlineAfterS: 60,
    speedLimitsKmh: [80, 120],
    nearArrivalMinutes: 10,
    nearArrivalStatuses: null,
    panel: { url: null, nearArrivalStatuses: ['BACK'], timeoutMs: 1, giveUpAfterS: 1 },
  },
} as unknown as Settings;
const { crewEvents } = SETTINGS;
const WITH_PANEL: Settings = {
  ...SETTINGS,
  crewEvents: { ...crewEvents, panel: { ...crewEvents.panel, url: 'http://panel/' } },
};

class NoDispatchSystem extends DispatchSystem {
  refresh = async (): Promise<void> => undefined;
  requestOf = (): null => null;
  ambulanceIds = async (): Promise<ReadonlyMap<string, string>> => new Map([[V, V]]);
  hasAmbulance = async (): Promise<boolean> => false;
  get isNotifier(): boolean {
    return ourEpoch === null || ourEpoch === 2;
  }
  shadowsOf = async <T extends { readonly roleEpoch?: number }>(
    items: readonly T[],
  ): Promise<ReadonlySet<T>> =>
    new Set(ourEpoch === null ? [] : items.filter(({ roleEpoch }) => roleEpoch !== 2));
  storedTrackings = async (): Promise<ReadonlyMap<string, StoredTracking>> => storedTrackings;
}

async function takeOver(mine: number, settings = SETTINGS): Promise<CrewEventDetector> {
  const stateStorage = {
    takeOver: async () => {
      epoch = mine;
      return [...states.values()];
    },
    save: async (saved: readonly CrewState[], as: number) => {
      if (as !== epoch) throw new Error('E11000');
      largestWrite = Math.max(largestWrite, saved.length);
      for (const state of saved) states.set(state.vehicleId, structuredClone(state));
    },
  } as unknown as CrewStatesRepository;
  const eventStorage = {
    record: async (pending: readonly PendingCrewEvent[]) => {
      if (!isRecording) throw new Error('killed');
      const fresh = pending.filter(({ id }) => !recorded.includes(id));
      recorded.push(...fresh.map(({ id }) => id));
      for (const { audience, isShadow, type } of fresh)
        if (audience === 'panel') sent.push(`${isShadow ? 'shadow' : 'own'} ${type}`);
      return fresh;
    },
  } as unknown as CrewEventsRepository;
  const metrics = { recorded: () => undefined } as unknown as CrewEventMetrics;
  const detector = new CrewEventDetector(
    settings,
    stateStorage,
    eventStorage,
    { publish: () => undefined } as unknown as CrewEventsService,
    new NoDispatchSystem(),
    latest,
    metrics,
    new Clock(),
  );
  const lock = { epoch: mine, assertHeld: () => undefined, heldSince: new Date(heldSinceMs) };
  await detector.takeOver(lock as unknown as HeldLock);
  return detector;
}

const EXPECTED = [`${V}.speed_above_80.${T0}`, `${V}.speed_below_80.${T0 + 1_000}`];
const DRIVE = [fix(0, 100), fix(1, 20), fix(2, 20)];

describe('a leader that ends', () => {
  it('between detecting and recording: the next one records the pending events once', async () => {
    const first = await takeOver(1);
    isRecording = false;
    await expect(first.detect(DRIVE)).rejects.toThrow('killed');
    expect([recorded, states.get(V)?.pending.length]).toEqual([[], 2]);
    isRecording = true;
    const second = await takeOver(2);
    await second.detect(DRIVE);
    expect(recorded).toEqual(EXPECTED);
  });

  it('without saving a state that had no event: the next one reads the positions again, with the same result', async () => {
    const first = await takeOver(1);
    await first.detect(DRIVE.slice(0, 1));
    await first.detect([fix(1, 62)]);
    expect(states.get(V)?.memory).toMatchObject({ averageKmh: 100 });
    const second = await takeOver(2);
    await second.detect([fix(0, 100), fix(1, 20)]);
    expect(recorded).toEqual(EXPECTED);
  });

  it('before it notices the loss of the lock: it writes no state and records no event', async () => {
    const first = await takeOver(1);
    await first.detect(DRIVE.slice(0, 1));
    const second = await takeOver(2);
    await expect(first.detect(DRIVE)).rejects.toThrow('E11000');
    await expect(first.detectOffline(T0 + 90_000)).rejects.toThrow('E11000');
    expect(recorded).toEqual(EXPECTED.slice(0, 1));
    await second.detect(DRIVE);
    expect(recorded).toEqual(EXPECTED);
  });
});

it('keeps a silence across leaders', async () => {
  const first = await takeOver(1);
  await first.detect([fix(0, 10)]);
  await first.save(true);
  const second = await takeOver(2);
  await second.detectOffline(T0 + 60_000);
  const third = await takeOver(3);
  await third.detectOffline(T0 + 600_000);
  await third.detect([fix(700, 10)]);
  expect(recorded).toEqual([`${V}.offline.${T0}`, `${V}.online.${T0 + 700_000}`]);
});

it('records each mark of a device clock once, across leaders, at the place that is shown', async () => {
  latest.offer(fix(0, 10));
  latest.setClockBehind(V, T0);
  const first = await takeOver(1);
  await first.detectClocksBehind();
  await first.detectClocksBehind();
  const second = await takeOver(2);
  await second.detectClocksBehind();
  latest.setClockBehind(V, null);
  await second.detectClocksBehind();
  latest.setClockBehind(V, T0 + 900_000);
  await second.detectClocksBehind();
  expect(recorded).toEqual([`${V}.clock_behind.${T0}`, `${V}.clock_behind.${T0 + 900_000}`]);
});

describe('notifications of the panel', () => {
  const ofPanel = (): string[] =>
    recorded.filter((id) => id.includes('.panel.')).map((id) => id.slice(`${V}.panel.`.length));

  it('are recorded beside the events of watchers, which stay the same, and only with a panel', async () => {
    const without = await takeOver(1);
    await without.detect(DRIVE);
    expect(recorded).toEqual(EXPECTED);
    const detector = await takeOver(2, WITH_PANEL);
    await detector.detect([fix(3, 90), fix(4, 20), fix(5, 20)]);
    expect(recorded.filter((id) => !EXPECTED.includes(id))).toEqual([
      `${V}.panel.speed_above_80.${T0 + 3_000}`,
      `${V}.panel.speed_below_80.${T0 + 4_000}`,
    ]);
  });

  it('compare with the last speed across leaders', async () => {
    await (await takeOver(1, WITH_PANEL)).detect([fix(0, 10), fix(1, 90)]);
    await (await takeOver(2, WITH_PANEL)).detect([fix(0, 10), fix(1, 90), fix(2, 130)]);
    expect(ofPanel()).toEqual([`speed_above_80.${T0 + 1_000}`, `speed_above_120.${T0 + 2_000}`]);
  });

  it('begin with the document of an earlier server when it is older than the position', async () => {
    storedTrackings.set(V, { speedKmh: 90, atMs: T0 - 1 });
    await (await takeOver(1, WITH_PANEL)).detect([fix(0, 10)]);
    expect(ofPanel()).toEqual([`online.${T0}`, `speed_below_80.${T0}`]);
    recorded = [];
    states.clear();
    storedTrackings.set(V, { speedKmh: 90, atMs: T0 });
    await (await takeOver(2, WITH_PANEL)).detect([fix(0, 10)]);
    expect(ofPanel()).toEqual([]);
  });

  it('give online once in a run of leaders, and not after offline', async () => {
    const first = await takeOver(1, WITH_PANEL);
    await first.detect([fix(0, 10)]);
    await first.detectOffline(T0 + 60_000);
    await first.detect([fix(70, 10)]);
    heldSinceMs = T0 + 100_000;
    await (await takeOver(2, WITH_PANEL)).detect([fix(110, 10), fix(111, 10)]);
    await (await takeOver(3, WITH_PANEL)).detect([fix(112, 10)]);
    expect(ofPanel()).toEqual([`offline.${T0}`, `online.${T0 + 110_000}`]);
  });
});

it('records a fleet that becomes silent at once in pages', async () => {
  const detector = await takeOver(1);
  const fleet = Array.from({ length: 1_000 }, (_, n) => n.toString(16).padStart(24, '0'));
  await detector.detect(fleet.map((vehicleId) => ({ ...fix(0, 10), vehicleId })));
  await detector.save(true);
  largestWrite = 0;
  await detector.detectOffline(T0 + 60_000);
  expect(recorded.filter((id) => id.includes('.offline.'))).toHaveLength(1_000);
  expect(largestWrite).toBe(250);
});

describe('beside the old server', () => {
  const under = (roleEpoch: number, position: Position): Position => ({ ...position, roleEpoch });

  it('marks its notifications, and continues from the documents when the old server has ended', async () => {
    ourEpoch = 1;
    storedTrackings = new Map([[V, { speedKmh: 10, atMs: T0 - 1_000 }]]);
    const detector = await takeOver(1, WITH_PANEL);
    await detector.detect([under(1, fix(0, 10)), under(1, fix(1, 90))]);
    expect(sent).toEqual(['shadow online', 'shadow speed_above_80']);
    sent = [];
    ourEpoch = 2;
    // The old server has got one more position, with 130 km/h.
    storedTrackings = new Map([[V, { speedKmh: 130, atMs: T0 + 1_500 }]]);
    await detector.detect([under(2, fix(2, 100)), under(2, fix(3, 10))]);
    expect(sent).toEqual(['own speed_below_120', 'own speed_below_80']);
  });

  it('does not notify of a position that arrived before the change and is detected after it', async () => {
    ourEpoch = 2;
    const detector = await takeOver(1, WITH_PANEL);
    await detector.detect([under(2, fix(0, 10)), under(1, fix(1, 90)), under(2, fix(2, 90))]);
    expect(sent).toEqual(['shadow speed_above_80']);
  });

  it('a silence belongs to the one that notifies when it is found', async () => {
    ourEpoch = 1;
    const detector = await takeOver(1, WITH_PANEL);
    await detector.detect([under(1, fix(0, 10))]);
    await detector.detectOffline(T0 + 61_000);
    expect(sent).toEqual(['shadow offline']);
    sent = [];
    await detector.detect([under(1, fix(70, 10))]);
    ourEpoch = 2;
    await detector.detectOffline(T0 + 200_000);
    expect(sent).toEqual(['own offline']);
  });

  it('continues from the documents of before the change when this service has written newer ones since', async () => {
    ourEpoch = 1;
    storedTrackings = new Map([[V, { speedKmh: 130, atMs: T0 + 500 }]]);
    const detector = await takeOver(1, WITH_PANEL);
    // This service has missed the position with 130 km/h.
    await detector.detect([under(1, fix(0, 10))]);
    sent = [];
    ourEpoch = 2;
    storedTrackings = new Map([[V, { speedKmh: 100, atMs: T0 + 2_000 }]]);
    await detector.detect([under(2, fix(2, 100))]);
    expect(sent).toEqual(['own speed_below_120']);
  });
});

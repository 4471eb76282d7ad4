import { beforeEach, describe, expect, it } from '@jest/globals';
import { Clock, type Position } from '../core/index.js';
import type { AcquiredLock } from '../database/index.js';
import { CrewEventDetector, type CrewEventDetectorDependencies } from './crew-event-detector.js';
import type { CrewState } from './crew-states.repository.js';
import type { PendingCrewEvent } from './pending-crew-event.js';

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

/** Storage as far as a watch knows it: whoever took over last may write. */
let epoch: number;
let states: Map<string, CrewState>;
let recorded: string[];
let isRecording: boolean;
beforeEach(() => {
  epoch = 0;
  states = new Map();
  recorded = [];
  isRecording = true;
});

async function takeOver(mine: number): Promise<CrewEventDetector> {
  const parts = {
    states: {
      takeOver: async () => {
        epoch = mine;
        return [...states.values()];
      },
      save: async (saved: readonly CrewState[], as: number) => {
        if (as !== epoch) throw new Error('E11000');
        for (const state of saved) states.set(state.vehicleId, structuredClone(state));
      },
    },
    events: {
      record: async (pending: readonly PendingCrewEvent[]) => {
        if (!isRecording) throw new Error('killed');
        const fresh = pending.filter(({ id }) => !recorded.includes(id));
        recorded.push(...fresh.map(({ id }) => id));
        return fresh;
      },
    },
    dispatchSystem: {
      refresh: async () => undefined,
      requestOf: () => null,
      ambulanceIds: async () => new Map(),
    },
    clock: new Clock(),
    settings: {
      isEnabled: true,
      offlineAfterS: 60,
      speedLimitsKmh: [80, 120],
      nearArrivalMinutes: 10,
      nearArrivalStatuses: null,
      panel: { url: null, nearArrivalType: 'NEAR', timeoutMs: 1, giveUpAfterS: 1 },
    },
    onEvent: () => undefined,
  } as unknown as CrewEventDetectorDependencies;
  const lease = { epoch: mine, assertHeld: () => undefined };
  const watch = new CrewEventDetector(
    { lease, unbrokenSince: new Date(0) } as unknown as AcquiredLock,
    parts,
  );
  await watch.begin();
  return watch;
}

const SAID = [`${V}.speed_above_80.${T0}`, `${V}.speed_below_80.${T0 + 1_000}`];
const DRIVE = [fix(0, 100), fix(1, 20), fix(2, 20)];

describe('an owner that ends', () => {
  it('between noticing and recording: the next one records what was noticed, once', async () => {
    const first = await takeOver(1);
    isRecording = false;
    await expect(first.detect(DRIVE)).rejects.toThrow('killed');
    expect([recorded, states.get(V)?.pending.length]).toEqual([[], 2]);
    isRecording = true;
    const second = await takeOver(2);
    await second.detect(DRIVE);
    expect(recorded).toEqual(SAID);
  });

  it('without having saved what nothing was noticed with: the next one reads it again, to the same end', async () => {
    const first = await takeOver(1);
    await first.detect(DRIVE.slice(0, 1));
    await first.detect([fix(1, 62)]);
    expect(states.get(V)?.memory).toMatchObject({ averageKmh: 100 });
    const second = await takeOver(2);
    await second.detect([fix(0, 100), fix(1, 20)]);
    expect(recorded).toEqual(SAID);
  });

  it('and does not know it yet: it writes nothing and records nothing', async () => {
    const first = await takeOver(1);
    await first.detect(DRIVE.slice(0, 1));
    const second = await takeOver(2);
    await expect(first.detect(DRIVE)).rejects.toThrow('E11000');
    await expect(first.detectOffline(T0 + 90_000)).rejects.toThrow('E11000');
    expect(recorded).toEqual(SAID.slice(0, 1));
    await second.detect(DRIVE);
    expect(recorded).toEqual(SAID);
  });
});

it('remembers silence across owners', async () => {
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

import { describe, expect, it } from '@jest/globals';
import { recordedCallSign, registrationFor } from './call-signs.js';
import { planSimulation, planTracks, type Drive, type TrackPlan } from './plan.js';
import type { Track } from './track.js';

const T0 = Date.UTC(2020, 0, 1);
const START = Date.UTC(2026, 5, 1, 12);

const track = (name: string, secondsOfFixes: readonly number[]): Track => ({
  name,
  file: `${name}.csv`,
  fixes: secondsOfFixes.map((second) => ({ timeMs: T0 + second * 1000, lat: 95, lon: 2, speedMps: -1 })),
  refused: [],
  withoutTime: [],
  ignored: [],
});
const plan = (changes: Partial<TrackPlan> = {}): TrackPlan => ({
  speed: 'max',
  vehicles: 1,
  isAsRecorded: false,
  ...changes,
});
/** For each fix: when it is due and its time, in seconds from the start. */
const schedule = (drive: Drive): [number, number][] =>
  [...drive.fixes(START)].map(({ dueMs, position }) => [
    dueMs / 1000,
    (Date.parse(position.time) - START) / 1000,
  ]);

describe('planTracks', () => {
  it('at max: all fixes are due at once, the newest has the start time, and file order and faults are kept', () => {
    const [drive] = planTracks([track('a', [0, 10, 5, 20, 20])], plan());
    expect(schedule(drive!)).toEqual([
      [0, -20],
      [0, -10],
      [0, -15],
      [0, 0],
      [0, 0],
    ]);
    expect([...drive!.fixes(START)][0]!.position).toEqual({
      lat: 95,
      lon: 2,
      time: new Date(START - 20_000).toISOString(),
      speedMps: -1,
    });
  });

  it.each([
    [
      1,
      [
        [0, 0],
        [10, 10],
        [10, 5],
        [20, 20],
      ],
    ],
    [
      10,
      [
        [0, -18],
        [1, -8],
        [1, -13],
        [2, 2],
      ],
    ],
    [
      0.5,
      [
        [0, 0],
        [20, 10],
        [20, 5],
        [40, 20],
      ],
    ],
  ] as const)(
    'at speed %d: the newest fix has the time at which it is sent, and none is ahead',
    (speed, expected) => {
      const [drive] = planTracks([track('a', [0, 10, 5, 20])], plan({ speed }));
      expect(schedule(drive!)).toEqual(expected);
    },
  );

  it('shifts each track independently', () => {
    const drives = planTracks([track('a', [0, 10]), track('b', [1000, 1001])], plan());
    expect(drives.map((drive) => schedule(drive).at(-1))).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('plans a drive for each vehicle on each track, with any call sign', () => {
    const drives = planTracks([track('a', [0]), track('b', [0])], plan({ vehicles: 2 }));
    expect(drives).toHaveLength(4);
    for (const drive of drives) expect(drive).toMatchObject({ callSign: null, prefix: 'RPL', total: 1 });
  });

  it('as recorded: the same times and call signs at each run', () => {
    const asRecorded = (): Drive[] =>
      planTracks([track('barefoot-munich-car-1s', [0, 1])], plan({ isAsRecorded: true, vehicles: 2 }));
    const [first, second] = asRecorded();
    expect(first!.callSign).toBe('REC-BAREFOOT-MUNICH-CAR-1S');
    expect(second!.callSign).toBe('REC-BAREFOOT-MUNICH-CAR-1S-V2');
    const [again] = asRecorded();
    expect([...again!.fixes(START + 5000)]).toEqual([...first!.fixes(START)]);
    expect([...first!.fixes(START)][0]!.position.time).toBe('2020-01-01T00:00:00.000Z');
  });

  it('refuses two files that would drive one vehicle', () => {
    const clash = (): Drive[] =>
      planTracks([track('A b', [0]), track('a-B', [0])], plan({ isAsRecorded: true }));
    expect(clash).toThrow('"A b" and "a-B" would both drive REC-A-B: rename one');
  });
});

describe('recordedCallSign', () => {
  it.each([
    ['München Süd (1)', 'REC-MUNCHEN-SUD-1'],
    ['a'.repeat(28), `REC-${'A'.repeat(28)}`],
    ['a'.repeat(29), expect.stringMatching(/^REC-A{21}-[0-9A-F]{6}$/)],
    ['東京', expect.stringMatching(/^REC-[0-9A-F]{6}$/)],
  ])('%j', (name, expected) => expect(recordedCallSign(name, 1)).toEqual(expected));

  it('keeps long names and vehicles apart within 32 characters', () => {
    const names = ['a', 'b'].map((end) => recordedCallSign('x'.repeat(40) + end, 100));
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toHaveLength(32);
  });
});

describe('registrationFor', () => {
  it('is a short unique text with the mark of replay', () => {
    const registrations = ['SIM-1', 'REC-BAREFOOT-MUNICH-CAR-1S'].map(registrationFor);
    for (const each of registrations) expect(each).toMatch(/^REPLAY-[0-9A-F]{12}$/);
    expect(registrations[0]).not.toBe(registrations[1]);
  });
});

describe('planSimulation', () => {
  const simulation = { speed: 1, vehicles: 2, rateHz: 1, seed: 1 } as const;

  it('in real time each fix has the time at which it is sent, and vehicles send at different moments', () => {
    const drives = planSimulation({ ...simulation, durationS: 3 });
    expect(schedule(drives[0]!)).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
    expect(schedule(drives[1]!)).toEqual([
      [0.5, 0.5],
      [1.5, 1.5],
      [2.5, 2.5],
    ]);
    expect(drives.map(({ total, track: name }) => [name, total])).toEqual([
      ['ambulance 1', 3],
      ['ambulance 2', 3],
    ]);
  });

  it('at max it makes a history that ends now', () => {
    const [first, second] = planSimulation({ ...simulation, speed: 'max', durationS: 10, rateHz: 2 });
    expect(schedule(first!).slice(0, 2)).toEqual([
      [0, -10],
      [0, -9.5],
    ]);
    expect(schedule(second!).at(-1)).toEqual([0, -0.25]);
  });

  it('drives on for ever without a duration', () => {
    const [drive] = planSimulation(simulation);
    expect(drive!.total).toBeUndefined();
    let count = 0;
    for (const { dueMs } of drive!.fixes(START)) if ((count += 1) > 500) return expect(dueMs).toBe(500_000);
  });
});

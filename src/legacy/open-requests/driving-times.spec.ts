import { beforeEach, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { Clock } from '../../core/index.js';
import { DrivingTimes } from './driving-times.js';

class SetClock extends Clock {
  atMs = 1_000_000;
  override nowMs(): number {
    return this.atMs;
  }
}

const [FROM, TO] = [
  { lat: 13.7, lon: 100.5 },
  { lat: 13.8, lon: 100.6 },
];
let clock: SetClock;
let asked: number;
let minutes: number | null;
let roads: DrivingTimes;
beforeEach(() => {
  clock = new SetClock();
  asked = 0;
  minutes = 7;
  roads = new DrivingTimes({ findMinutes: async () => ((asked += 1), minutes) }, clock);
});

const look = async (to = TO, vehicleId = 'a'): Promise<number | null> => {
  const found = roads.minutesOf(vehicleId, FROM, to);
  await turn();
  return found;
};

it('answers from memory: the first time nothing, then what it was told, for a minute', async () => {
  expect([await look(), await look(), asked]).toEqual([null, 7, 1]);
  clock.atMs += 59_999;
  expect([await look(), asked]).toEqual([7, 1]);
  clock.atMs += 1;
  minutes = 5;
  expect([await look(), await look(), asked]).toEqual([null, 5, 2]);
});

it('asks anew for another destination, and for another vehicle', async () => {
  await look();
  expect([await look({ lat: 14, lon: 100 }), await look(TO, 'b'), asked]).toEqual([null, null, 3]);
});

it('leaves who gave no answer in peace for a minute', async () => {
  minutes = null;
  expect([await look(), await look(), await look(), asked]).toEqual([null, null, null, 1]);
  clock.atMs += 60_000;
  await look();
  expect(asked).toBe(2);
});

it('asks about few at once', async () => {
  for (let n = 0; n < 10; n += 1) roads.minutesOf(String(n), FROM, TO);
  expect(asked).toBe(4);
});

it('asks nobody without a key', () => {
  expect(new DrivingTimes(null, clock).minutesOf('a', FROM, TO)).toBeNull();
});

import { beforeEach, expect, it } from '@jest/globals';
import type { CommandIo } from '../../core/commands/index.js';
import type { CompareReport } from '../compare/index.js';
import { CompareGate } from './compare-gate.js';
import type { GateInput } from './gate.js';

const MINUTE_MS = 60_000;
const INPUT = {
  io: {} as CommandIo,
  green: { url: 'http://127.0.0.1:1' },
  settings: { oldPictures: null, oldTimeZone: null },
} as unknown as GateInput;

let nowMs: number;
let found: Partial<CompareReport>;
let ranges: string[];
let gate: CompareGate;
beforeEach(() => {
  nowMs = Date.parse('2026-12-01T10:00:00Z');
  const phaseSinceMs = nowMs;
  found = {};
  ranges = [];
  gate = new CompareGate(
    () => phaseSinceMs,
    async (_, args) => {
      ranges.push(`${args[3]?.slice(11, 19)} ${args[5]?.slice(11, 19)}`);
      return { counts: [], problems: [], matched: { position: 1 }, ...found } as unknown as CompareReport;
    },
    () => nowMs,
  );
});

const difference = { kind: 'position', type: 'missing', side: 'samserver', count: 2 };

it('waits for posts on their way, then compares the phase, and again after ten minutes', async () => {
  expect(await gate.check(INPUT)).toMatchObject({ state: 'wait' });
  nowMs += 5 * MINUTE_MS;
  expect(await gate.check(INPUT)).toMatchObject({ state: 'ok' });
  nowMs += 5 * MINUTE_MS;
  await gate.check(INPUT);
  nowMs += 5 * MINUTE_MS;
  await gate.check(INPUT);
  expect(ranges).toEqual(['10:00:00 10:04:10', '10:04:10 10:14:10']);
});

it('compares at most once a minute while something differs', async () => {
  nowMs += 5 * MINUTE_MS;
  found = { counts: [difference] as unknown as CompareReport['counts'] };
  expect(await gate.check(INPUT)).toMatchObject({
    state: 'fail',
    why: expect.stringMatching(/2 × position/),
  });
  nowMs += MINUTE_MS - 1;
  await gate.check(INPUT);
  expect(ranges).toHaveLength(1);
  nowMs += 1;
  found = {};
  expect(await gate.check(INPUT)).toMatchObject({ state: 'ok' });
});

it('compares in the background while a phase is watched, one at a time, and tells what differs', async () => {
  nowMs += 5 * MINUTE_MS;
  expect(gate.watch(INPUT)).toBeNull();
  expect(gate.watch(INPUT)).toBeNull();
  await gate.settled();
  expect(ranges).toHaveLength(1);
  nowMs += 10 * MINUTE_MS;
  found = { counts: [difference] as unknown as CompareReport['counts'] };
  gate.watch(INPUT);
  await gate.settled();
  expect(gate.watch(INPUT)).toMatch(/2 × position missing in samserver/);
  expect(ranges).toHaveLength(2);
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MoveEvent } from './move-events.js';
import { MoveJournal } from './move-journal.js';
import { criteriaOf, observedText } from './report-criteria.js';
import { gapsWithin, type MoveFigures, moveFigures } from './report-figures.js';
import { reportPage } from './report-page.js';

const START = Date.parse('2026-11-30T08:00:00Z');
const HOSTILE = `"><script>alert('x')</script>&\u202e`;

let directory: string;
let nowMs: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'report-'));
  nowMs = START;
});
afterEach(() => rm(directory, { recursive: true }));

const colored = (p50Ms: number, posts = 40): object => ({
  ...{ posts, synthetic: 10, errors: 0, errorSeconds: 0, slow: 0, slowSeconds: 0 },
  ...{ p50Ms, p99Ms: p50Ms * 3, frames: null },
});
const analysis = (blueMs = 9, greenMs = 4, missing = 0, posts = 40): MoveEvent => ({
  kind: 'analysis',
  verdict: 'good',
  why: 'no fault',
  detail: {
    ...{ blue: colored(blueMs, posts), green: colored(greenMs, posts) },
    counted: { expected: 40, missing },
  },
});

/** A journal as commands write it. Each event has the seconds that pass before it. */
async function recorded(events: readonly [number, MoveEvent][], command = 'start'): Promise<MoveFigures> {
  const journal = await MoveJournal.open(directory, { command, by: HOSTILE }, () => nowMs);
  for (const [s, event] of events) {
    nowMs += s * 1_000;
    await journal.append(event);
  }
  await journal.close();
  const move = moveFigures(await MoveJournal.read(directory), nowMs);
  if (move === null) throw new Error('no move');
  return move;
}
const started: readonly [number, MoveEvent][] = [
  [0, { kind: 'move.started', move: 'm', why: 'go', detail: { windowS: 60 } }],
  [0, { kind: 'phase.entered', phase: 'shadow', why: 'go' }],
];
const minutes = (count: number, event: MoveEvent): [number, MoveEvent][] =>
  Array.from({ length: count }, () => [60, event]);
const resultsOf = (move: MoveFigures, gaps: Parameters<typeof criteriaOf>[1] = []): Record<string, string> =>
  Object.fromEntries(criteriaOf(move, gaps).map(({ name, result }) => [name, result]));

describe('report of a move', () => {
  it('says of nothing that it is met without data', async () => {
    const move = await recorded(started);
    expect(new Set(Object.values(resultsOf(move)))).toEqual(new Set(['not measured']));
    expect(resultsOf(await recorded(minutes(5, analysis(9, 4, 0, 0))))).toMatchObject({
      'Response time': 'not measured',
    });
  });

  it('compares the response time of the same windows, and loss over the watched time', async () => {
    const move = await recorded([...started, [1, analysis()], ...minutes(10, analysis())]);
    expect(resultsOf(move)).toMatchObject({ 'Response time': 'met', 'Zero loss': 'met' });
    expect(resultsOf(move, null)).toMatchObject({ 'Zero loss': 'not measured' });
    const gap = { fromMs: START + 5_000, toMs: START + 6_000, posts: 1, addresses: ['192.0.2.1'] };
    expect(resultsOf(move, [gap])).toMatchObject({ 'Zero loss': 'missed' });
    expect(gapsWithin([gap, { ...gap, fromMs: 0, toMs: 1 }], move)).toEqual([gap]);
    expect(resultsOf(await recorded(minutes(30, analysis(9, 12, 1))))).toMatchObject({
      ...{ 'Response time': 'missed', 'Zero loss': 'missed' },
    });
  });

  it('does not take an unwatched hour for an observed one', async () => {
    const move = await recorded([
      ...started,
      ...minutes(10, analysis()),
      [3_600, analysis()],
      ...minutes(10, analysis()),
    ]);
    expect(move).toMatchObject({ watchedMs: 19 * 60_000, sampledMs: 21 * 60_000 });
    expect(move.windows.map(({ isAfterBreak }) => isAfterBreak).filter(Boolean)).toHaveLength(2);
    expect(resultsOf(move)).toMatchObject({ 'Zero loss': 'not measured' });
    expect(observedText(move)).toContain('The move took 1.3 h. A command watched for 19.0 min (23.8 %).');
    const page = reportPage({ move, criteria: [], gaps: null, pictures: null, nowMs });
    // Two lines of each color in each of three curves.
    expect(page.match(/d="M[^"]*M[^"]*"/g)).toHaveLength(6);
  });

  it('measures a rollback from its command, and one that has not ended by the time', async () => {
    await recorded(started);
    nowMs += 10_000;
    const open = await recorded([[30, { kind: 'rollback.started', why: 'slow' }]], 'rollback');
    expect(resultsOf(open)).toMatchObject({ Rollback: 'not measured' });
    expect(moveFigures(open.records, nowMs + 100_000)).not.toBeNull();
    const late = moveFigures(open.records, nowMs + 100_000) as MoveFigures;
    expect(resultsOf(late)).toMatchObject({ Rollback: 'missed' });
    const done = await recorded([[5, { kind: 'rollback.done', ms: 5_000, detail: {} }]], 'resume');
    expect(done.rollbacks).toEqual([{ at: expect.any(String), why: 'slow', durationMs: 35_000 }]);
    expect(done.phases.at(-1)).toMatchObject({ phase: 'rolled-back' });
    expect(resultsOf(done)).toMatchObject({ Rollback: 'met' });
  });

  it('counts the last move alone, and no line of a command that was overruled', async () => {
    const stale = await MoveJournal.open(directory, { command: 'start', by: 'a' }, () => nowMs);
    await stale.close();
    await recorded([...started, ...minutes(3, analysis())]);
    const move = await recorded([...started, ...minutes(2, analysis())]);
    expect(move).toMatchObject({ earlierMoves: 1, windows: { length: 2 } });
    const foreign = { ...move.records.at(-1), seq: 99, writer: 'other' } as MoveFigures['records'][number];
    expect(moveFigures([...move.records, foreign], nowMs)?.windows).toHaveLength(2);
  });

  it('shows the reasons, the user and the host, and escapes all of it', async () => {
    const move = await recorded([
      ...started,
      [1, { kind: 'held', why: HOSTILE }],
      [1, { kind: 'step.failed', phase: 'one', step: 'share', ms: 4, why: HOSTILE }],
    ]);
    const gaps = [{ fromMs: START, toMs: START, posts: 2, addresses: [HOSTILE] }];
    const pictures = { verifiedAt: HOSTILE, mismatched: 0 };
    const page = reportPage({ move, criteria: criteriaOf(move, gaps), gaps, pictures, nowMs });
    expect(page).not.toMatch(/<script|\u202e|https?:|src=|href=/);
    expect(page.match(/&quot;&gt;&lt;script&gt;/g)?.length).toBeGreaterThanOrEqual(5);
    expect(page).toContain(`<td>${process.pid}</td>`);
    expect(page).not.toContain('not recorded');
    expect(page).toContain('prefers-color-scheme:dark');
  });
});

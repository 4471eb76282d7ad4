import { describe, expect, it } from '@jest/globals';
import type { Position } from '../../core/index.js';
import { endedEpisodes, type EpisodeIds, episodesOf } from './speeding-episodes.js';

const T0 = Date.UTC(2026, 2, 9, 14, 7);
const drive = (atS: number, kmh: number | null): Position => ({
  vehicleId: 'a'.repeat(24),
  lat: 13.7,
  lon: 100.5,
  timeMs: T0 + atS * 1_000,
  receivedAtMs: T0 + atS * 1_000,
  ...(kmh !== null && { speedMps: kmh / 3.6 }),
});

/** One letter for each episode in the order of appearance, "." for none: above 80, then above 120. */
function lettersOf(
  positions: readonly Position[],
  latest: { atS: number; ids: EpisodeIds } | null = null,
  stored: ReadonlyMap<Position, EpisodeIds> = new Map(),
): string[] {
  const moment = { atMs: latest ? T0 + latest.atS * 1_000 : -Infinity, ids: latest?.ids ?? {} };
  const episodes = episodesOf('b'.repeat(24), positions, moment, (each) => stored.get(each), String);
  const letters = new Map<unknown, string>();
  const letter = (id: unknown): string => {
    if (id === undefined) return '.';
    if (typeof id === 'string' && id.length === 1) return id;
    letters.set(id, letters.get(id) ?? String.fromCharCode(97 + letters.size));
    return letters.get(id) ?? '';
  };
  return (['speed_above_80', 'speed_above_120'] as const).map((field) =>
    positions.map((each) => letter(episodes.get(each)?.[field])).join(''),
  );
}
const speeds = (...kmh: (number | null)[]) => kmh.map((each, n) => drive(n, each));

describe('an episode', () => {
  it('is a run of positions above a limit, with one id; each limit has its own', () => {
    expect(lettersOf(speeds(80, 81, 100, 121, 130, 110, 80, 90, 121))).toEqual(['.aaaaa.bb', '...cc...d']);
  });

  it('goes on through a position without a speed', () => {
    expect(lettersOf(speeds(90, null, 90))).toEqual(['a.a', '...']);
  });

  it('has an id that begins with the time of its first position', () => {
    const [first] = speeds(90);
    if (!first) throw new Error('none');
    const moment = { atMs: -Infinity, ids: {} };
    const ids = episodesOf('b'.repeat(24), [first], moment, () => undefined, String).get(first);
    expect(ids?.speed_above_80).toMatch(new RegExp(`^${(T0 / 1_000).toString(16)}[0-9a-f]{16}$`));
  });

  it('goes on from the document of the vehicle, also after a pause', () => {
    const latest = { atS: -500, ids: { speed_above_80: 'X' } };
    expect(lettersOf(speeds(90, 90, 70, 90), latest)).toEqual(['XX.a', '....']);
    expect(lettersOf(speeds(130), latest)).toEqual(['X', 'a']);
    expect(lettersOf(speeds(90), { atS: -5, ids: { speed_above_80: null } })).toEqual(['a', '.']);
  });

  it('is the same when its positions are written again, or in two parts', () => {
    const positions = speeds(90, 90, 90);
    const whole = lettersOf(positions);
    const stored = new Map(positions.map((each) => [each, { speed_above_80: 'S' }]));
    expect(lettersOf(positions, { atS: 2, ids: { speed_above_80: 'S' } }, stored)).toEqual(['SSS', '...']);
    expect(whole).toEqual(['aaa', '...']);
    const partly = new Map(positions.slice(1).map((each) => [each, { speed_above_80: 'S' }]));
    expect(lettersOf(positions, { atS: 2, ids: { speed_above_80: 'S' } }, partly)).toEqual(['SSS', '...']);
  });

  it('of late positions ends with a pause, and does not join an episode of another drive', () => {
    const backlog = [drive(0, 90), drive(5, 90), drive(600, 90), drive(601, 90)];
    expect(lettersOf(backlog, { atS: 7_200, ids: { speed_above_80: 'X' } })).toEqual(['aabb', '....']);
    expect(lettersOf(backlog, { atS: 602, ids: { speed_above_80: 'X' } })).toEqual(['aaXX', '....']);
  });
});

it('endedEpisodes names the fields that a document must not have', () => {
  expect(endedEpisodes({})).toEqual(['speed_above_80', 'speed_above_120']);
  expect(endedEpisodes({ speed_above_80: 'x' })).toEqual(['speed_above_120']);
});

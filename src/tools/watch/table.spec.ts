import { describe, expect, it } from '@jest/globals';
import { ageCell, cut, tableOf, type TableRow } from './table.js';

const row = (callSign: string, more: Partial<TableRow> = {}): TableRow => ({
  callSign,
  status: 'on_scene',
  lat: 48.137154,
  lon: 11.576124,
  speedMps: 13.9,
  headingDeg: 44.6,
  accuracyM: 4.4,
  ageMs: 1_400,
  fixes: 12,
  isLate: false,
  ...more,
});
const WIDE = { columns: 120, lines: 24 };

describe('tableOf', () => {
  it('shows every column with its unit', () => {
    expect(tableOf([row('RTW 1', { isLate: true })], WIDE)).toEqual([
      'call sign  status         lat       lon  km/h    head  ± m  age  fixes  late',
      'RTW 1      on scene  48.13715  11.57612    50  ↗  45°    4  1 s     12  late',
    ]);
  });

  it('leaves the cell of an unknown value blank', () => {
    const bare = row('RTW 1', { speedMps: undefined, headingDeg: undefined, accuracyM: undefined });
    expect(tableOf([bare], WIDE)[1]).toMatch(/11\.57612 +1 s +12$/);
  });

  it('sorts the numbers in call signs by value', () => {
    const lines = tableOf(
      ['RTW 10', 'RTW 2', 'NEF 3'].map((callSign) => row(callSign)),
      WIDE,
    );
    expect(lines.slice(1).map((line) => line.slice(0, 6).trim())).toEqual(['NEF 3', 'RTW 2', 'RTW 10']);
  });

  it('turns the arrow with the heading', () => {
    const arrowOf = (headingDeg: number): string =>
      /[←-⇿]/u.exec(tableOf([row('A', { headingDeg })], WIDE)[1] ?? '')?.[0] ?? '';
    expect([0, 22, 23, 90, 135, 180, 225, 270, 315, 337, 338, 359.9].map(arrowOf).join('')).toBe(
      '↑↑↗→↘↓↙←↖↖↑↑',
    );
  });

  it('is never wider than the terminal, and drops the least important columns first', () => {
    for (let columns = 1; columns <= 120; columns += 1)
      for (const line of tableOf([row('RTW 1/83-1'), row('x'.repeat(40))], { columns, lines: 9 }))
        expect([...line].length).toBeLessThanOrEqual(columns);
    expect(tableOf([row('RTW 1')], { columns: 70, lines: 9 })[0]).not.toContain('± m');
    expect(tableOf([row('RTW 1')], { columns: 36, lines: 9 })[0]).toMatch(/^call sign +lat +lon +age$/);
  });

  it('is never higher than the terminal, and shows the number of hidden vehicles', () => {
    const rows = [...Array(30).keys()].map((n) => row(`RTW ${n}`));
    const lines = tableOf(rows, { columns: 120, lines: 10 });
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toBe('… and 22 more');
    expect(tableOf(rows, { ...WIDE, lines: 40, rows: 3 }).slice(-1)).toEqual(['… and 27 more']);
    expect(tableOf(rows.slice(0, 9), { columns: 120, lines: 10 }).at(-1)).toMatch(/^RTW 8/);
    for (const tiny of [-2, 0, 1, 2]) {
      const few = tableOf(rows, { columns: 120, lines: tiny });
      expect(few.length).toBeLessThanOrEqual(Math.max(0, tiny));
    }
  });

  it('replaces control characters in names', () => {
    expect(tableOf([row('\u001b[2J\nRTW')], WIDE).join('')).not.toMatch(/\p{Cc}/u);
  });

  it('keeps its columns straight with wide letters', () => {
    const lines = tableOf([row('救急車'), row('RTW 1')], WIDE);
    expect(lines[2]).toMatch(/^救急車 {5}on scene/);
  });
});

describe('ageCell', () => {
  it('uses a suitable unit, and marks the time of a clock that is ahead', () => {
    expect([0, 59_999, 60_000, 3_600_000, 172_800_000, -400, -5_000].map(ageCell)).toEqual([
      '0 s',
      '59 s',
      '1 min',
      '1 h',
      '2 d',
      '0 s',
      '+5 s',
    ]);
  });
});

describe('cut', () => {
  it('marks a shortened text', () => {
    expect([cut('abc', 3), cut('abcd', 3), cut('救急車', 5), cut('a', 0)]).toEqual([
      'abc',
      'ab…',
      '救急…',
      '',
    ]);
  });
});

import { printable } from '../../core/commands/index.js';

export interface TableRow {
  readonly callSign: string;
  readonly status: string;
  readonly lat: number;
  readonly lon: number;
  readonly speedMps?: number;
  readonly headingDeg?: number;
  readonly accuracyM?: number;
  /** Since the time of the fix. */
  readonly ageMs: number;
  readonly fixes: number;
  readonly isLate: boolean;
}

export interface TableSize {
  /** Characters in a line. */
  readonly columns: number;
  /** Lines of the table, including its head. */
  readonly lines: number;
  /** Maximum of vehicles. */
  readonly rows?: number;
}

interface Column {
  readonly title: string;
  readonly isText?: true;
  readonly cell: (row: TableRow) => string;
  /** On a narrow terminal the column with the highest number is dropped first; without a number it stays. */
  readonly dropOrder?: number;
}

const LONGEST_CALL_SIGN = 24;
/** Clockwise from north, one for each 45 degrees. */
const ARROWS = ['↑', '↗', '→', '↘', '↓', '↙', '←', '↖'] as const;

const COLUMNS: readonly Column[] = [
  { title: 'call sign', isText: true, cell: ({ callSign }) => cut(printable(callSign), LONGEST_CALL_SIGN) },
  {
    title: 'status',
    isText: true,
    cell: ({ status }) => printable(status).replaceAll('_', ' '),
    dropOrder: 1,
  },
  { title: 'lat', cell: ({ lat }) => lat.toFixed(5) },
  { title: 'lon', cell: ({ lon }) => lon.toFixed(5) },
  {
    title: 'km/h',
    cell: ({ speedMps }) => (speedMps === undefined ? '' : (speedMps * 3.6).toFixed(0)),
    dropOrder: 2,
  },
  { title: 'head', cell: ({ headingDeg }) => headingCell(headingDeg), dropOrder: 3 },
  {
    title: '± m',
    cell: ({ accuracyM }) => (accuracyM === undefined ? '' : accuracyM.toFixed(0)),
    dropOrder: 6,
  },
  { title: 'age', cell: ({ ageMs }) => ageCell(ageMs) },
  { title: 'fixes', cell: ({ fixes }) => String(fixes), dropOrder: 5 },
  { title: 'late', cell: ({ isLate }) => (isLate ? 'late' : ''), dropOrder: 4 },
];

/** The rows sorted by call sign, at most `lines` lines of at most `columns` characters. */
export function tableOf(rows: readonly TableRow[], size: TableSize): string[] {
  const sorted = [...rows].sort((a, b) => byCallSign.compare(a.callSign, b.callSign));
  const room = Math.max(0, Math.min(size.rows ?? Infinity, size.lines - 1));
  const fitting =
    sorted.length <= room ? sorted : sorted.slice(0, Math.min(size.rows ?? Infinity, size.lines - 2));
  const hidden = sorted.length - fitting.length;
  const lines = layOut(fitting, size.columns);
  if (hidden > 0) lines.push(`… and ${hidden} more`);
  return lines.slice(0, Math.max(0, size.lines)).map((line) => cut(line, size.columns));
}

/** `RTW 2` comes before `RTW 10`. */
const byCallSign = new Intl.Collator('en', { numeric: true });

function layOut(rows: readonly TableRow[], columns: number): string[] {
  let shown = COLUMNS.map((column) => {
    const cells = [column.title, ...rows.map((row) => column.cell(row))];
    return { column, cells, width: Math.max(...cells.map(widthOf)) };
  });
  const needed = (): number => shown.reduce((sum, { width }) => sum + width + 2, -2);
  while (needed() > columns) {
    const lastInOrder = Math.max(...shown.map(({ column }) => column.dropOrder ?? 0));
    if (lastInOrder === 0) break;
    shown = shown.filter(({ column }) => column.dropOrder !== lastInOrder);
  }
  return [...Array(rows.length + 1).keys()].map((line) =>
    shown
      .map(({ column, cells, width }) => pad(cells[line] ?? '', width, column.isText === true))
      .join('  ')
      .trimEnd(),
  );
}

function headingCell(headingDeg: number | undefined): string {
  if (headingDeg === undefined) return '';
  const arrow = ARROWS[Math.round(headingDeg / 45) % 8] ?? '';
  return `${arrow} ${(Math.round(headingDeg) % 360).toFixed(0).padStart(3)}°`;
}

/** One or two digits and a unit; `+` when the device clock runs ahead. */
export function ageCell(ageMs: number): string {
  const seconds = Math.abs(ageMs) / 1000;
  const sign = ageMs <= -1000 ? '+' : '';
  if (seconds < 60) return `${sign}${Math.floor(seconds)} s`;
  if (seconds < 3_600) return `${sign}${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${sign}${Math.floor(seconds / 3_600)} h`;
  return `${sign}${Math.floor(seconds / 86_400)} d`;
}

/** The text, shortened to `columns` columns with `…` at its end. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  for (const character of text) {
    if (widthOf(kept + character) > columns - 1) break;
    kept += character;
  }
  return columns > 0 ? `${kept}…` : '';
}

function pad(text: string, width: number, isText: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return isText ? text + blanks : blanks + text;
}

/** Approximate columns on a terminal: marks take none, East Asian letters and emoji take two. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    const isWide =
      /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u;
    width += isWide.test(character) ? 2 : 1;
  }
  return width;
}

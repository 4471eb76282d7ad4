import { escapeHtml as escape } from '../escape-html.js';
import type { GreenGap } from '../front-door/index.js';
import type { ColorFigures } from './analysis.js';
import type { MoveRecord } from './move-events.js';
import { type Criterion, duration, observedText } from './report-criteria.js';
import type { MoveFigures, WindowFigures } from './report-figures.js';

const STYLE = `:root{color-scheme:light dark;--text:#222;--back:#fff;--line:#bbb;--head:#f3f3f3;--good:#175c1b;--bad:#9c1010;
--blue:#1f5fbf;--green:#1b7a2b}@media(prefers-color-scheme:dark){:root{--text:#ddd;--back:#161616;--line:#555;--head:#262626;
--good:#7fd087;--bad:#ff8d8d;--blue:#7fb0ff;--green:#7fd087}}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem;max-width:80rem;color:var(--text);background:var(--back)}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{border:1px solid var(--line);padding:.25rem .6rem;text-align:left;
vertical-align:top;overflow-wrap:anywhere}th{background:var(--head)}.met{color:var(--good)}.missed{color:var(--bad)}
svg{width:100%;height:auto}svg text{fill:var(--text);font-size:12px}.axis{stroke:var(--line)}
.blue{stroke:var(--blue);fill:none}.green{stroke:var(--green);fill:none}circle.blue{fill:var(--blue)}circle.green{fill:var(--green)}`;

/** No script, no request, no style but its own: what a browser would do with hostile text that got through. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

export interface ReportContent {
  readonly move: MoveFigures;
  readonly criteria: readonly Criterion[];
  /** Null: nginx's log is not readable. */
  readonly gaps: readonly GreenGap[] | null;
  /** Null: green does not answer, or no verification is recorded. */
  readonly pictures: { readonly verifiedAt: string; readonly mismatched: number } | null;
  readonly nowMs: number;
}

/** The report of a move as one page. Every text from outside is escaped. */
export function reportPage({ move, criteria, gaps, pictures, nowMs }: ReportContent): string {
  const { state, records } = move;
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>samserver shift report</title><style>${STYLE}</style></head><body>
<h1>The move from the old server (blue) to Samserver (green)</h1>
<p><strong>Phase ${escape(state.phase ?? 'none')}</strong>, ${iso(move.fromMs)} to ${iso(move.toMs)}. Move ${escape(state.move ?? '')}; ${move.earlierMoves} earlier moves in the journal. Written ${iso(nowMs)}.</p>
<p>${escape(observedText(move))}</p>
<h2>Success criteria</h2>
<table>${row(['criterion', 'definition', 'figure', 'result'], 'th')}${criteria
    .map(
      ({ name, definition, figure, result }) =>
        `<tr>${[name, definition, figure].map((text) => `<td>${escape(text)}</td>`).join('')}<td class="${result.replace(' ', '-')}">${result}</td></tr>`,
    )
    .join('\n')}</table>
<h2>Phases</h2>
${table(
  ['phase', 'from', 'to', 'duration'],
  move.phases.map(({ phase, fromMs, toMs }) => [phase, iso(fromMs), iso(toMs), duration(toMs - fromMs)]),
)}
<h2>Latency of posts, p99 in ms</h2>
${curve(move, (figures) => figures.p99Ms)}
<h2>Latency of posts, p50 in ms</h2>
${curve(move, (figures) => figures.p50Ms)}
<h2>Posts without a good answer, in %</h2>
${curve(move, ({ errors, posts }) => (100 * errors) / posts)}
<p>One point is one recorded window. No line means that nothing was recorded in between.</p>
<h2>Holds and rollbacks</h2>
${table(
  ['time', 'what', 'by', 'reason'],
  records.flatMap((record) =>
    record.kind === 'held' ||
    record.kind === 'resumed' ||
    record.kind === 'rollback.started' ||
    record.kind === 'rollback.refused'
      ? [[record.at, record.kind, record.by, record.why]]
      : [],
  ),
)}
${table(
  ['rollback from', 'duration', 'reason'],
  move.rollbacks.map(({ at, durationMs, why }) => [
    at,
    durationMs === null ? 'not ended' : duration(durationMs),
    why,
  ]),
)}
<h2>Gaps of green</h2>
${
  gaps === null
    ? '<p>Not measured: the log of nginx is not readable.</p>'
    : table(
        ['from', 'to', 'posts', 'addresses'],
        gaps.map(({ fromMs, toMs, posts, addresses }) => [
          iso(fromMs),
          iso(toMs),
          posts,
          addresses.join(', '),
        ]),
      )
}
<h2>Pictures</h2>
<p>${
    pictures === null
      ? 'Not measured: green gives no verification.'
      : `${pictures.mismatched} pictures differ; verified ${escape(pictures.verifiedAt)}.`
  }</p>
<h2>Who did what</h2>
${table(
  ['time', 'command', 'by', 'user', 'host', 'process'],
  records.flatMap((record) =>
    record.kind === 'opened'
      ? [
          [
            record.at,
            `shift ${record.command}`,
            record.by,
            record.user ?? 'not recorded',
            record.host ?? 'not recorded',
            record.pid,
          ],
        ]
      : [],
  ),
)}
<h2>Steps</h2>
${table(['time', 'step', 'ms', 'result'], records.flatMap(stepRow))}
</body></html>
`;
}

function stepRow(record: MoveRecord): (string | number)[][] {
  if (record.kind === 'step.done') return [[record.at, `${record.phase}/${record.step}`, record.ms, 'done']];
  return record.kind === 'step.failed'
    ? [[record.at, `${record.phase}/${record.step}`, record.ms, record.why]]
    : [];
}

const [WIDTH, HEIGHT, LEFT, TOP] = [960, 220, 60, 20];

/** Both colors over the time of the move, broken where nothing was recorded. */
function curve(move: MoveFigures, valueOf: (figures: ColorFigures) => number): string {
  const { windows, phases, fromMs, toMs } = move;
  const values = windows.flatMap(({ blue, green }) =>
    [blue, green].flatMap((figures) => (figures ? [valueOf(figures)] : [])),
  );
  if (values.length === 0) return '<p>Not measured.</p>';
  const max = Math.max(1, ...values);
  const x = (atMs: number): string =>
    (LEFT + ((WIDTH - LEFT - 10) * (atMs - fromMs)) / Math.max(1, toMs - fromMs)).toFixed(1);
  const y = (value: number): string => (HEIGHT - TOP - ((HEIGHT - 2 * TOP) * value) / max).toFixed(1);
  const path = (color: 'blue' | 'green'): string => {
    let isPen = false;
    const parts = windows.map((window: WindowFigures) => {
      const figures = window[color];
      const isLine = isPen && !window.isAfterBreak;
      isPen = figures !== null;
      return figures === null ? '' : `${isLine ? 'L' : 'M'}${x(window.atMs)} ${y(valueOf(figures))}`;
    });
    const points = windows.flatMap((window) => {
      const figures = window[color];
      return figures === null
        ? []
        : [`<circle class="${color}" cx="${x(window.atMs)}" cy="${y(valueOf(figures))}" r="2"/>`];
    });
    return `<path class="${color}" d="${parts.join('')}"/>${points.join('')}`;
  };
  // Names of short phases would cover each other.
  let lastX = -Infinity;
  const marks = phases.map(({ phase, fromMs: atMs }) => {
    const isNamed = Number(x(atMs)) - lastX > 60;
    if (isNamed) lastX = Number(x(atMs));
    return (
      `<line class="axis" x1="${x(atMs)}" x2="${x(atMs)}" y1="${TOP}" y2="${HEIGHT - TOP}" stroke-dasharray="3"/>` +
      (isNamed ? `<text x="${x(atMs)}" y="14">${escape(phase)}</text>` : '')
    );
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">
<text x="0" y="${TOP + 4}">${Math.round(max * 10) / 10}</text><text x="0" y="${HEIGHT - TOP}">0</text>
<line class="axis" x1="${LEFT}" x2="${WIDTH - 10}" y1="${HEIGHT - TOP}" y2="${HEIGHT - TOP}"/>
<text x="${LEFT}" y="${HEIGHT - 4}">${iso(fromMs)}</text><text x="${WIDTH - 10}" y="${HEIGHT - 4}" text-anchor="end">${iso(toMs)}</text>
${marks.join('')}${path('blue')}${path('green')}
<text x="0" y="90" style="fill:var(--blue)">blue</text><text x="0" y="110" style="fill:var(--green)">green</text></svg>`;
}

const iso = (ms: number): string => new Date(ms).toISOString();

function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  if (rows.length === 0) return '<p>None.</p>';
  return `<table>${row(heads, 'th')}${rows.map((cells) => row(cells, 'td')).join('\n')}</table>`;
}

const row = (cells: readonly (string | number)[], tag: 'td' | 'th'): string =>
  `<tr>${cells.map((cell) => `<${tag}>${escape(String(cell))}</${tag}>`).join('')}</tr>`;

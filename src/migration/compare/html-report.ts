import { EXIT_CODES } from '../../core/commands/index.js';
import { escapeHtml as escape } from '../escape-html.js';
import { type CompareReport, fieldsText, type Percentiles } from './compare-report.js';

const STYLE = `body{font:15px/1.45 system-ui,sans-serif;margin:2rem;max-width:80rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{border:1px solid #ccc;padding:.25rem .6rem;text-align:left;
vertical-align:top;overflow-wrap:anywhere}th{background:#f3f3f3}.good{color:#175c1b}.bad{color:#9c1010}`;

/** No script, no request, no style but its own: what a browser would do with hostile text that got through. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** The report as one page. Every text from outside is escaped. */
export function htmlReport(report: CompareReport): string {
  const isGood = report.exitCode === EXIT_CODES.OK;
  const total = report.counts.reduce((sum, { count }) => sum + count, 0);
  const verdict = isGood ? 'No difference that is not known' : `${total} findings`;
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>samserver compare</title><style>${STYLE}</style></head><body>
<h1>The old server and Samserver</h1>
<p class="${isGood ? 'good' : 'bad'}"><strong>${escape(verdict)}</strong></p>
<p>${report.boxes} boxes, ${escape(report.from)} to ${escape(report.to)}, lag window ${report.lagS} s.</p>
${list(report.problems)}
<h2>Equal on both</h2>
${table(['kind', 'count'], Object.entries(report.matched))}
<h2>Findings</h2>
${table(
  ['kind', 'what', 'where', 'count'],
  report.counts.map(({ kind, type, side, count }) => [kind, type, side, count]),
)}
${table(
  ['time', 'box', 'kind', 'what', 'where', 'after', 'values'],
  report.findings.map((finding) => [
    new Date(finding.atMs).toISOString(),
    finding.box,
    finding.kind,
    finding.type,
    finding.side,
    finding.lagMs === undefined ? '' : `${Math.round(finding.lagMs / 100) / 10} s`,
    fieldsText(finding),
  ]),
)}
${report.findings.length < total ? `<p>The first ${report.findings.length} of ${total}.</p>` : ''}
<h2>Known differences</h2>
${table(
  ['rule', 'count', 'reason'],
  report.known.map(({ name, count, reason }) => [name, count, reason]),
)}
<h2>Difference of the arrivals</h2>
${percentileTable(report.arrivalDifference)}
<h2>Latency of the requests from the access log</h2>
<p>The limit for Samserver’s p99 is ${report.maxP99Ms} ms.</p>
${percentileTable(report.latency)}
</body></html>
`;
}

function percentileTable(rows: Readonly<Record<string, Percentiles | undefined>>): string {
  return table(
    ['', 'count', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'],
    Object.entries(rows).flatMap(([name, each]) =>
      each ? [[name, each.count, each.p50, each.p95, each.p99, each.max]] : [],
    ),
  );
}

function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  if (rows.length === 0) return '<p>None.</p>';
  const line = (cells: readonly (string | number)[], tag: 'td' | 'th'): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(String(cell))}</${tag}>`).join('')}</tr>`;
  return `<table>${line(heads, 'th')}${rows.map((row) => line(row, 'td')).join('\n')}</table>`;
}

function list(texts: readonly string[]): string {
  return texts.length === 0
    ? ''
    : `<ul class="bad">${texts.map((text) => `<li>${escape(text)}</li>`).join('')}</ul>`;
}

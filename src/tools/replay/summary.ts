import { printable } from '../../core/commands/index.js';
import type { RunCounts, RunReport } from './report.js';

const COLUMNS = [
  'track',
  'call sign',
  'sent',
  'stored',
  'duplicate',
  'quarantined',
  'rejected',
  'no answer',
  'late',
  'seen live',
] as const;
/** The first columns are text, left-aligned; the others are numbers, right-aligned. */
const TEXT_COLUMNS = 2;

/** The table at the end of a run. */
export function summaryOf(report: RunReport): string {
  const rows = report.drives.map((drive) => [printable(drive.track), drive.callSign, ...countCells(drive)]);
  if (rows.length !== 1) rows.push(['total', '', ...countCells(report.totals)]);
  const { acknowledgementMs: ms, totals } = report;
  const rate = report.seconds > 0 ? Math.round(totals.sent / report.seconds) : totals.sent;
  const remarks = [
    totals.released > 0 && `${totals.released} quarantined, then released and shown live`,
    totals.dropped > 0 && `${totals.dropped} stored without a faulty optional field`,
    totals.notSeenLive > 0 && `${totals.notSeenLive} stored and NOT seen live`,
    totals.notSent > 0 && `${totals.notSent} not sent`,
    ...report.notes,
  ].filter((remark) => remark !== false);
  return [
    ...table([[...COLUMNS], ...rows]),
    '',
    `acknowledgement: p50 ${ms.p50} ms, p95 ${ms.p95} ms, p99 ${ms.p99} ms, max ${ms.max} ms (${ms.requests} requests)`,
    `${report.resends} resends, ${report.seconds} s, ${rate} fixes/s`,
    ...remarks,
    '',
  ].join('\n');
}

function countCells(counts: RunCounts): string[] {
  return [
    String(counts.sent),
    String(counts.stored),
    String(counts.duplicate),
    byCode(counts.quarantined),
    byCode(counts.rejected),
    byCode(counts.unacknowledged),
    String(counts.late),
    String(counts.seenLive),
  ];
}

/** `3 (jump 2, time_conflict 1)` */
function byCode(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const total = entries.reduce((count, [, more]) => count + more, 0);
  if (total === 0) return '0';
  return `${total} (${entries.map(([code, count]) => `${code} ${count}`).join(', ')})`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column < TEXT_COLUMNS ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [lines[0] ?? '', rule, ...lines.slice(1)];
}

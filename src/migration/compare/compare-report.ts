import { EXIT_CODES, type ExitCode, printable } from '../../core/commands/index.js';
import { LatencyHistogram } from '../../tools/replay/index.js';
import type { Finding, Kind, Side } from './compared-item.js';
import type { FindingCount, FindingsLog, KnownCount } from './findings-log.js';

const MAX_PRINTED = 20;

export interface Percentiles {
  readonly count: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface CompareReport {
  /** ISO times. */
  readonly from: string;
  readonly to: string;
  readonly lagS: number;
  readonly boxes: number;
  /** Boxes that one server does not have: `291: no vehicle in Samserver`. */
  readonly unknownBoxes: readonly string[];
  readonly matched: Readonly<Partial<Record<Kind, number>>>;
  /** Difference of the two arrivals of the same thing. */
  readonly arrivalDifference: Readonly<Record<string, Percentiles>>;
  readonly counts: readonly FindingCount[];
  readonly findings: readonly Finding[];
  readonly known: readonly KnownCount[];
  /** Of the requests from the access log, by side. */
  readonly latency: Readonly<Partial<Record<Side, Percentiles>>>;
  readonly maxP99Ms: number;
  /** Why the comparison fails besides its findings. */
  readonly problems: readonly string[];
  readonly exitCode: ExitCode;
}

interface FinishedComparison {
  readonly log: FindingsLog;
  readonly fromMs: number;
  readonly toMs: number;
  readonly lagMs: number;
  readonly boxes: number;
  readonly unknownBoxes: readonly string[];
  /** Of the kinds that were compared: none of one is a problem, because no data is no success. */
  readonly expectedKinds: readonly Kind[];
  readonly latencies: Readonly<Record<Side, LatencyHistogram>>;
  readonly maxP99Ms: number;
  readonly isInterrupted: boolean;
}

export function compareReport(run: FinishedComparison): CompareReport {
  const { log, latencies, maxP99Ms } = run;
  const p99 = latencies.samserver.percentileMs(0.99);
  const problems = [
    ...run.expectedKinds
      .filter((kind) => (log.matched.get(kind) ?? 0) === 0)
      .map((kind) => `nothing to compare: no ${kind} on both servers`),
    ...(latencies.samserver.count > 0 && p99 >= maxP99Ms
      ? [`Samserver’s p99 is ${tenths(p99)} ms; the limit is ${maxP99Ms} ms`]
      : []),
    ...run.unknownBoxes,
  ];
  const isGood = log.total === 0 && problems.length === 0;
  return {
    from: new Date(run.fromMs).toISOString(),
    to: new Date(run.toMs).toISOString(),
    lagS: run.lagMs / 1_000,
    boxes: run.boxes,
    unknownBoxes: run.unknownBoxes,
    matched: Object.fromEntries(log.matched),
    arrivalDifference: Object.fromEntries([...log.lags].map(([kind, lags]) => [kind, percentilesOf(lags)])),
    counts: [...log.counts.values()],
    findings: log.findings,
    known: [...log.known.values()],
    latency: Object.fromEntries(
      Object.entries(latencies)
        .filter(([, each]) => each.count > 0)
        .map(([side, each]) => [side, percentilesOf(each)]),
    ),
    maxP99Ms,
    problems,
    exitCode: run.isInterrupted ? EXIT_CODES.INTERRUPTED : isGood ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
  };
}

export function reportLines(report: CompareReport): string[] {
  const { findings, counts, known, matched } = report;
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  return [
    `${report.boxes} boxes, ${report.from} to ${report.to}, lag window ${report.lagS} s`,
    ...Object.entries(matched).map(([kind, count]) => `${kind}: ${count} equal on both`),
    ...Object.entries(report.arrivalDifference).map(
      ([kind, { p50, p99, max }]) =>
        `${kind}: arrivals differ by p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`,
    ),
    ...Object.entries(report.latency).map(
      ([side, { p50, p99, count }]) => `${side}: p50 ${p50} ms, p99 ${p99} ms (${count} requests)`,
    ),
    ...known.map(({ name, count, reason }) => `known, ${count} × ${name}: ${reason}`),
    ...findings.slice(0, MAX_PRINTED).map(findingLine),
    ...(total > MAX_PRINTED ? [`and ${total - MAX_PRINTED} more`] : []),
    ...report.problems,
    total + report.problems.length === 0 ? 'no difference that is not known' : `${total} findings`,
  ].map(printable);
}

/** `missing in samserver: position of 291 at 2026-…: speedKmh 36` */
export function findingLine(finding: Finding): string {
  const { kind, type, side, box, atMs, lagMs } = finding;
  const at = new Date(atMs).toISOString();
  const lag = type !== 'late' || lagMs === undefined ? '' : ` by ${tenths(lagMs / 1_000)} s`;
  return `${type} in ${side}${lag}: ${kind} of ${box} at ${at}: ${fieldsText(finding)}`;
}

export function fieldsText({ fields }: Finding): string {
  return Object.entries(fields)
    .map(([name, values]) => {
      const { old, samserver } = values;
      if (!('old' in values)) return `${name} ${JSON.stringify(samserver)}`;
      if (!('samserver' in values)) return `${name} ${JSON.stringify(old)}`;
      return `${name} ${JSON.stringify(old)} ↔ ${JSON.stringify(samserver)}`;
    })
    .join(', ');
}

function percentilesOf(latencies: LatencyHistogram): Percentiles {
  const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((share) => tenths(latencies.percentileMs(share)));
  return { count: latencies.count, p50, p95, p99, max: tenths(latencies.maxMs) };
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

import { EXIT_CODES, type ExitCode, printable } from '../../core/commands/index.js';
import {
  addCounts,
  type Ledger,
  type LedgerStream,
  type OutcomeCounts,
  type StoreCounts,
  type StoreName,
  type StreamKind,
} from './ledger.js';
import type { RunRecords } from './run-records.js';
import type { LoadStore } from './stores.js';
import type { ViewerReport } from './viewers.js';

/** Entries that are named one by one. The counts cover all of them. */
const MAX_EXAMPLES = 50;

export interface LoadRow {
  readonly kind: StreamKind;
  /** Absent in a total of a kind. */
  readonly source?: string;
  readonly outcomes: OutcomeCounts;
  readonly stores: Readonly<Partial<Record<StoreName, StoreCounts>>>;
}

export interface LoadReport {
  readonly seconds: number;
  /** Null: it ran for its whole time. */
  readonly endedEarly: string | null;
  readonly kinds: readonly LoadRow[];
  /** By box and device, with at least one entry that is not stored once. */
  readonly sources: readonly LoadRow[];
  readonly latencyMs: Readonly<
    Record<string, { count: number; p50: number; p95: number; p99: number; max: number }>
  >;
  readonly viewers: readonly ViewerReport[];
  readonly failures: Readonly<Record<string, number>>;
  /** The longest delay of the load itself, milliseconds. */
  readonly maxLatenessMs: number;
  /** `lost in old: position 990001 17, due 2026-…` */
  readonly examples: readonly string[];
  readonly exitCode: ExitCode;
}

export interface FinishedLoad {
  readonly ledger: Ledger;
  readonly records: RunRecords;
  readonly stores: readonly LoadStore[];
  readonly viewers: readonly ViewerReport[];
  readonly logIns: { readonly count: number; percentileMs(share: number): number; readonly maxMs: number };
  readonly seconds: number;
  readonly endedEarly: string | null;
  readonly isInterrupted: boolean;
}

export function loadReport(load: FinishedLoad): LoadReport {
  const { ledger, records, stores } = load;
  const streams = ledger.streams.filter(({ size }) => size > 0);
  const rows = streams.map((stream) => ({ ...rowOf(stream, stores), source: stream.source }));
  const kinds = [...groupBy(rows, ({ kind }) => kind).values()].map((group) => {
    const { kind, outcomes, stores: counts } = sumOf(group);
    return { kind, outcomes, stores: counts };
  });
  const sources = [...groupBy(rows, ({ kind, source }) => `${kind} ${source}`).values()].map(sumOf);
  const latencies = [
    ...records.latencies,
    ...(load.logIns.count > 0 ? [['log-in', load.logIns] as const] : []),
  ];
  const isGood =
    load.endedEarly === null &&
    kinds.length > 0 &&
    kinds.every((row) => isClean(row)) &&
    load.viewers.every(({ missing, doubled }) => missing + doubled === 0);
  return {
    seconds: Math.round(load.seconds * 10) / 10,
    endedEarly: load.endedEarly,
    kinds,
    sources: sources.filter((row) => !isClean(row)),
    latencyMs: Object.fromEntries(
      latencies.map(([name, each]) => {
        const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => tenths(each.percentileMs(share)));
        return [
          name,
          { count: each.count, p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0, max: tenths(each.maxMs) },
        ];
      }),
    ),
    viewers: load.viewers,
    failures: Object.fromEntries(records.reasons),
    maxLatenessMs: tenths(records.maxLatenessMs),
    examples: examplesOf(streams, stores),
    exitCode: load.isInterrupted ? EXIT_CODES.INTERRUPTED : isGood ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
  };
}

/** Every entry was acknowledged, and each store has it once. */
function isClean({ outcomes, stores }: LoadRow): boolean {
  const { acknowledged, ...others } = outcomes;
  const isStored = Object.values(stores).every(
    ({ lost, doubled, unknownStored, unknownMissing }) =>
      lost + doubled + unknownStored + unknownMissing === 0,
  );
  return acknowledged > 0 && isStored && Object.values(others).every((count) => count === 0);
}

function rowOf(stream: LedgerStream, stores: readonly LoadStore[]): LoadRow {
  const counts = stores
    .filter((store) => stream.kind !== 'device position' || store.name === 'samserver')
    .map((store) => [store.name, stream.inStore(store.name, (n) => store.isExpected(stream, n))]);
  return {
    kind: stream.kind,
    outcomes: stream.outcomes(),
    stores: Object.fromEntries(counts) as LoadRow['stores'],
  };
}

function sumOf(rows: readonly LoadRow[]): LoadRow {
  return rows.reduce((sum, row) => ({
    ...sum,
    outcomes: addCounts(sum.outcomes, row.outcomes),
    stores: Object.fromEntries(
      Object.entries(sum.stores).map(([name, counts]) => {
        const more = row.stores[name as StoreName];
        return [name, more ? addCounts(counts, more) : counts];
      }),
    ),
  }));
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function examplesOf(streams: readonly LedgerStream[], stores: readonly LoadStore[]): string[] {
  const examples: string[] = [];
  for (const stream of streams)
    for (const store of stores)
      for (let n = 0; n < stream.size && examples.length < MAX_EXAMPLES; n += 1) {
        const fate = stream.fate(store.name, n);
        if (fate === null || fate === 'once' || (fate === 'lost' && !store.isExpected(stream, n))) continue;
        const camera = stream.kind === 'picture' ? ` camera ${stream.part + 1}` : '';
        examples.push(
          `${FATES[fate]} in ${store.name}: ${stream.kind} ${n} of ${stream.source}${camera} (${stream.outcome(n)})`,
        );
      }
  return examples;
}

const FATES: Readonly<Record<Exclude<keyof StoreCounts, 'once'>, string>> = {
  lost: 'lost',
  doubled: 'doubled',
  unknownStored: 'not acknowledged, stored',
  unknownMissing: 'not acknowledged, not stored',
};

export function reportLines(report: LoadReport): string[] {
  const lines = report.kinds.flatMap(({ kind, outcomes, stores }) => [
    `${kind}: ${sumOfCounts(outcomes)} due, ${named(outcomes)}`,
    ...Object.entries(stores).map(([store, counts]) => `  in ${store}: ${named(counts)}`),
  ]);
  for (const [name, { p50, p95, p99, max, count }] of Object.entries(report.latencyMs))
    lines.push(`${name}: p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, max ${max} ms (${count})`);
  for (const { name, received, missing, doubled, cuts } of report.viewers)
    lines.push(`${name}: ${received} received, ${missing} missing, ${doubled} doubled, ${cuts} reconnects`);
  for (const [reason, count] of Object.entries(report.failures)) lines.push(`${count} × ${reason}`);
  lines.push(...report.examples);
  lines.push(`${report.seconds} s; the load itself was at most ${report.maxLatenessMs} ms late`);
  if (report.endedEarly !== null) lines.push(`ended early: ${report.endedEarly}`);
  lines.push(
    report.exitCode === EXIT_CODES.OK
      ? 'every post was acknowledged and is stored once'
      : 'NOT every post was acknowledged and is stored once',
  );
  return lines.map(printable);
}

const LABELS: Readonly<Record<string, string>> = {
  unknownStored: 'not acknowledged but stored',
  unknownMissing: 'not acknowledged and not stored',
};

function named(counts: object): string {
  const entries = Object.entries(counts as Record<string, number>).filter(([, count]) => count > 0);
  return entries.map(([name, count]) => `${count} ${LABELS[name] ?? name}`).join(', ') || 'nothing';
}

function sumOfCounts(counts: OutcomeCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
